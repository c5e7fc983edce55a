# frozen_string_literal: true

require "securerandom"

module CorefyGateway
  # How often a call is made at most: pauses of 0.1, 0.2, 0.4, 0.8, 1.6, 2 and 2 seconds, each shortened by up to half,
  # outlast a restart of the gateway.
  ATTEMPTS = 8
  FIRST_PAUSE = 0.1
  LONGEST_PAUSE = 2.0

  # Seconds to wait after this number of attempts, given the end of the last one: never less than the gateway asks for.
  def self.pause(attempts, error)
    longest = [FIRST_PAUSE * (2**(attempts - 1)), LONGEST_PAUSE].min
    [rand(longest / 2..longest), error.retry_after || 0].max
  end

  # The calls of one service, under their names in snake case: `payment_intents.create_payment_intent(request)`.
  #
  # Each takes `timeout:`, in seconds. A call with one answer takes `idempotency_key:`, for one of your own, and
  # `headers: true` to get an Answer in place of the message. A stream gives an Enumerator of its messages.
  class Calls
    # An answer: the message, and the headers before it.
    Answer = Struct.new(:message, :headers)
    # The calls that change nothing. Not every protobuf for Ruby has a method's options, where the protos say it.
    READS = /\A((backtest|check|explain|get|list|stream|test)_|export\z)/
    private_constant :READS

    def initialize(service, channel, api_key, timeout, interceptors)
      @stub = service::Stub.new("", :this_channel_is_insecure, channel_override: channel, interceptors: interceptors)
      @authorization, @timeout = "Bearer #{api_key}", timeout
      service::Service.rpc_descs.each do |name, description|
        method = GRPC::GenericService.underscore(name.to_s).to_sym
        way = description.server_streamer? ? :stream : :call
        define_singleton_method(method) { |request, **options| send(way, method, request, **options) }
      end
    end

    private

    # Makes a call, again and again while that is safe and the deadline allows it.
    def call(method, request, timeout: @timeout, idempotency_key: nil, headers: false)
      deadline = Time.now + timeout
      metadata = { "authorization" => @authorization }
      metadata["idempotency-key"] = idempotency_key || SecureRandom.uuid unless method.match?(READS)
      answer = repeated(deadline) { once(method, request, metadata, deadline) }
      headers ? answer : answer.message
    end

    def once(method, request, metadata, deadline)
      # The stub adds to the metadata that it is given.
      operation = @stub.public_send(method, request, metadata: metadata.dup, deadline: deadline, return_op: true)
      message = operation.execute
      Answer.new(message, operation.metadata)
    rescue GRPC::BadStatus => e
      raise Error, e
    end

    def repeated(deadline)
      attempts, provable = 0, true
      begin
        yield
      rescue Error => e
        e.doubt! unless provable
        provable = e.nothing_was_sent?
        pause = CorefyGateway.pause(attempts += 1, e)
        raise if attempts == ATTEMPTS || !e.repeatable? || Time.now + pause > deadline

        sleep(pause)
        retry
      end
    end

    # The messages of a stream. It has no deadline but the caller's.
    def stream(method, request, timeout: nil)
      metadata = { "authorization" => @authorization }
      Enumerator.new do |messages|
        deadline = timeout && (Time.now + timeout)
        @stub.public_send(method, request, metadata: metadata.dup, deadline: deadline).each { |message| messages << message }
      rescue GRPC::BadStatus => e
        raise Error, e
      end
    end
  end
end
