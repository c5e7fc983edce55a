# frozen_string_literal: true

module CorefyGateway
  # The entries of lists, page after page: `gateway.all.refunds(request) { |refund| … }`, or without a block an Enumerator.
  #
  # There is one for each call whose answers are pages, by the call's name: `refunds` of `list_refunds`, `timeline_entries` of
  # `get_timeline`. A page is asked for when the one before it is used up, and is all that is kept.
  class Lists
    # `calls` has the calls of each service.
    def initialize(calls)
      calls.each do |service, made|
        service::Service.rpc_descs.each_value do |description|
          define(made, description) if paged?(description)
        end
      end
    end

    private

    def paged?(description)
      description.input.descriptor.lookup("page_token") && description.output.descriptor.lookup("next_page_token") &&
        entries(description)
    end

    # The name of a page's member with the entries.
    def entries(description)
      description.output.descriptor.find { |field| field.label == :repeated && field.type == :message }&.name
    end

    def define(calls, description)
      call = GRPC::GenericService.underscore(description.name.to_s)
      field = entries(description)
      name = call.start_with?("list_") ? call.delete_prefix("list_") : "#{call.delete_prefix("get_")}_#{field}"
      define_singleton_method(name) do |request = description.input.new, **options, &block|
        pages = Enumerator.new { |entry| each(calls, call, request, field, options) { |one| entry << one } }
        block ? pages.each(&block) : pages
      end
    end

    # Without `loop`, which would take a StopIteration of the reader's for its own end.
    def each(calls, call, request, field, options, &block)
      while request
        page = calls.public_send(call, request, **options)
        page[field].each(&block)
        request = page.next_page_token.empty? ? nil : after(request, page.next_page_token)
      end
    end

    # The request of a later page; the caller's own stays as it is.
    def after(request, token)
      later = request.dup
      later.page_token = token
      # Where the first page begins after an event, the token says where the next one does.
      later.after_event_id = "" if later.respond_to?(:after_event_id)
      later
    end
  end
end
