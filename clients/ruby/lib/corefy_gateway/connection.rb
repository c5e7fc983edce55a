# frozen_string_literal: true

require "uri"

# How a gateway is reached.
module CorefyGateway
  # Longer than the gateway waits for Corefy by default, in seconds.
  DEFAULT_TIMEOUT = 45
  OPTIONS = {
    "grpc.keepalive_time_ms" => 30_000,
    "grpc.keepalive_timeout_ms" => 10_000,
    # A gateway that restarts is found again within the pauses between attempts.
    "grpc.initial_reconnect_backoff_ms" => 100,
    "grpc.max_reconnect_backoff_ms" => 2_000,
    # Its own repetitions know nothing of the gateway's advice.
    "grpc.enable_retries" => 0
  }.freeze
  private_constant :OPTIONS

  # Gives a gateway's services. The connection is made by the first call, and made again when it breaks.
  #
  # The target is `https://host:port`, or `host:port` for the same; only `http://host:port` goes without TLS. The timeout
  # is for one call with all its repetitions, in seconds. `credentials` are for a private authority or a client
  # certificate: see GRPC::Core::ChannelCredentials.
  #
  # `interceptors`, each a GRPC::ClientInterceptor, see each attempt of a call, as it goes to the gateway: for traces and metrics.
  # `options` are the channel's; they replace the client's own of the same name.
  def self.connect(target, api_key, timeout: DEFAULT_TIMEOUT, credentials: nil, interceptors: [], options: {})
    address = URI.parse(target.include?("://") ? target : "https://#{target}")
    unless %w[http https].include?(address.scheme) && !address.host.to_s.empty? && ["", "/"].include?(address.path)
      raise ArgumentError, "#{target.inspect} is not like https://gateway.example:50051"
    end
    raise ArgumentError, "credentials need https://" if address.scheme == "http" && credentials

    credentials = address.scheme == "http" ? :this_channel_is_insecure : credentials || GRPC::Core::ChannelCredentials.new
    channel = GRPC::Core::Channel.new("dns:///#{address.host}:#{address.port}", OPTIONS.merge(options), credentials)
    Gateway.new(channel, api_key, timeout, interceptors)
  end

  # The services of a gateway. Its calls raise Error; threads may share it.
  class Gateway
    V1 = ::Corefy::Gateway::V1
    private_constant :V1

    attr_reader :payment_intents, :refunds, :customers, :payment_methods, :events, :exports, :risk, :gateway
    # The entries of lists, page after page: Lists.
    attr_reader :all

    def initialize(channel, api_key, timeout, interceptors = [])
      @channel = channel
      services = [V1::PaymentIntentService, V1::RefundService, V1::CustomerService, V1::PaymentMethodService,
                  V1::EventService, V1::ExportService, V1::RiskService, V1::GatewayService]
      calls = services.map { |service| Calls.new(service, channel, api_key, timeout, interceptors) }
      @payment_intents, @refunds, @customers, @payment_methods, @events, @exports, @risk, @gateway = calls
      @all = Lists.new(services.zip(calls))
    end

    # Yields events after this one, or from the oldest that is kept, and then each as it happens, without an end. Without
    # a block it gives an Enumerator.
    #
    # `types` has types such as `refund.succeeded` or kinds of objects such as `refund.*`. The default view has no personal
    # data; `:EVENT_VIEW_FULL` has all.
    #
    # After a break it resumes after the last event that was taken in. Keep the `id` of each event once it is dealt with,
    # and begin with it after a restart of your own. Every object of Ruby has an `object_id`: the event's is
    # `event["object_id"]`.
    def follow_events(after_event_id: "", types: [], object_id: "", view: :EVENT_VIEW_BASIC)
      asked = { after_event_id: after_event_id, types: types, object_id: object_id, view: view }
      return enum_for(:follow_events, **asked) unless block_given?

      request = V1::StreamEventsRequest.new(**asked)
      attempts = 0
      begin
        in_block = false # an error of the block's own is none of the stream's
        events.stream_events(request).each do |message|
          attempts = 0
          passed = message.event&.id || message.heartbeat.resume_after_event_id
          request.after_event_id = passed unless passed.empty?
          in_block = true
          yield message.event if message.event
          in_block = false
        end
        raise Error, GRPC::Unavailable.new("the stream has ended")
      rescue Error => e
        raise if in_block || (attempts += 1) == ATTEMPTS || !goes_on_after?(e)

        sleep(CorefyGateway.pause(attempts, e))
        retry
      end
    end

    # Ends the connection, and every call that is under way.
    def close = @channel.close

    private

    def goes_on_after?(error) = error.repeatable? || error.reason == "EVENT_READER_TOO_SLOW"
  end
end
