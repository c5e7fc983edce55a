# frozen_string_literal: true

# Beyond the scenario: events across a restart, which calls get an idempotency key, and what `connect` refuses.

require "corefy_gateway"
require "minitest/autorun"

class GatewayTest < Minitest::Test
  V1 = Corefy::Gateway::V1
  ORDER = V1::CreatePaymentIntentRequest.new(amount: "1.00", currency: "USD", customer_email: "a@b.example")
  # The deadline may pass between two attempts or within one.
  GAVE_UP = [GRPC::Core::StatusCodes::UNAVAILABLE, GRPC::Core::StatusCodes::DEADLINE_EXCEEDED].freeze

  def setup
    credentials = GRPC::Core::ChannelCredentials.new(File.read(ENV.fetch("SCENARIO_CA")))
    @gateway = CorefyGateway.connect(ENV.fetch("SCENARIO_TARGET"), ENV.fetch("SCENARIO_API_KEY"), credentials: credentials)
  end

  def create = @gateway.payment_intents.create_payment_intent(ORDER).payment_intent.id

  def test_events_go_on_after_a_restart_without_a_gap
    intents, seen = [create, create], []
    @gateway.follow_events do |event|
      seen << event["object_id"]
      if seen.last == intents[0]
        system(ENV.fetch("SCENARIO_CONTROL"), "restart", exception: true)
        intents << create
      end
      break if seen.last == intents[2]
    end
    assert_equal intents, seen.last(3)
  end

  def test_an_error_of_the_readers_own_is_not_taken_for_the_streams
    create
    error = assert_raises(CorefyGateway::Error) do
      @gateway.follow_events { raise CorefyGateway::Error, GRPC::Unavailable.new("mine") }
    end
    assert_equal "mine", error.message
  end

  def test_the_calls_that_change_nothing_are_those_of_the_protos
    protos = Dir["#{__dir__}/../../proto/corefy/gateway/v1/*.proto"].map { |path| File.read(path) }.join
    levels = protos.scan(/^  rpc (\w+).*?idempotency_level = (\w+)/m)
    assert_includes levels.map(&:last), "NO_SIDE_EFFECTS"
    reads = CorefyGateway::Calls.const_get(:READS)
    wrong = levels.reject { |name, level| (level == "NO_SIDE_EFFECTS") == reads.match?(GRPC::GenericService.underscore(name.dup)) }
    assert_empty wrong
  end

  def test_a_stop_iteration_of_the_readers_own_does_not_end_a_list_unseen
    create
    assert_raises(StopIteration) { @gateway.all.payment_intents { [].each.next } }
  end

  # Notes the calls that it sees.
  class Notes < GRPC::ClientInterceptor
    attr_reader :seen

    def initialize
      super
      @seen = []
    end

    def request_response(request:, call:, method:, metadata:)
      @seen << [method, metadata.key?("idempotency-key")]
      yield
    end
  end

  def test_interceptors_see_each_attempt_with_its_metadata
    notes = Notes.new
    gateway = CorefyGateway.connect("http://127.0.0.1:1", "pk:sk", timeout: 2, interceptors: [notes])
    assert_raises(CorefyGateway::Error) { gateway.refunds.create_refund(V1::CreateRefundRequest.new) }
    assert_operator notes.seen.size, :>, 1
    assert_equal [["/corefy.gateway.v1.RefundService/CreateRefund", true]], notes.seen.uniq
  end

  def test_options_of_the_channel_go_before_the_clients_own
    credentials = GRPC::Core::ChannelCredentials.new(File.read(ENV.fetch("SCENARIO_CA")))
    target, key = ENV.fetch("SCENARIO_TARGET"), ENV.fetch("SCENARIO_API_KEY")
    options = { "grpc.max_receive_message_length" => 1 }
    gateway = CorefyGateway.connect(target, key, credentials: credentials, options: options)
    error = assert_raises(CorefyGateway::Error) { gateway.gateway.get_gateway_info(V1::GetGatewayInfoRequest.new) }
    assert_equal GRPC::Core::StatusCodes::RESOURCE_EXHAUSTED, error.code
  end

  def test_targets_that_are_none_are_refused
    ["", "ftp://gateway", "https://gateway/v1"].each do |target|
      assert_raises(ArgumentError, target) { CorefyGateway.connect(target, "pk:sk") }
    end
  end

  def test_it_gives_up_when_the_deadline_passes
    gateway = CorefyGateway.connect("http://127.0.0.1:1", "pk:sk", timeout: 0.5)
    error = assert_raises(CorefyGateway::Error) { gateway.gateway.test_connection(V1::TestConnectionRequest.new) }
    assert_includes GAVE_UP, error.code
    assert_empty error.request_id
  end
end
