# frozen_string_literal: true

# Runs the cases of clients/scenario against a gateway, with the gem as it is installed.
#
# Started by `clients/scenario/run`; clients/scenario/README.md has the format.

require "corefy_gateway"
require "json"
require "securerandom"

# Seconds between two looks for what is expected eventually, and for the messages of a stream.
LOOK = 0.2
STREAM_PATIENCE = 30

Mismatch = Class.new(StandardError)

# The value with `{{name}}` replaced; a text that is nothing else becomes the variable's value, whatever its type.
def filled_in(value, variables)
  case value
  when Hash then value.transform_values { |inner| filled_in(inner, variables) }
  when Array then value.map { |inner| filled_in(inner, variables) }
  when "{{any}}" then value
  when /\A{{(\w+)}}\z/ then variables.fetch($1)
  when String then value.gsub(/{{(\w+)}}/) { variables.fetch($1).to_s }
  else value
  end
end

# The value at the path; nil where there is none.
def at(value, path)
  path.split(".").reduce(value) do |inner, word|
    case inner
    when Array then word == "#" ? inner.length : inner[Integer(word)]
    when Hash then inner[word]
    end
  end
end

def empty?(value) = [nil, "", 0, false, [], {}].include?(value)

def check(actual, expected, what)
  fits = expected == "{{any}}" ? !empty?(actual) : actual == expected || (empty?(actual) && empty?(expected))
  raise Mismatch, "#{what} is #{actual.inspect}, not #{expected.inspect}" unless fits
end

def check_error(error, expected)
  code = GRPC::Core::StatusCodes.constants.find { |name| GRPC::Core::StatusCodes.const_get(name) == error.code }
  check(code.to_s, expected["code"], "code")
  check(error.reason, expected["reason"], "reason")
  reason = expected["reason"].empty? ? "UNSPECIFIED" : expected["reason"]
  check(error.reason_code.to_s, "ERROR_REASON_#{reason}", "reason_code")
  check(error.message, "{{any}}", "message")
  check(!error.request_id.empty?, !expected["reason"].empty?, "that there is a request id")
  check(error.nothing_was_sent?, expected["nothing_was_sent"], "nothing_was_sent") if expected.key?("nothing_was_sent")
  check(error.fields.keys.sort, expected["fields"], "fields") if expected.key?("fields")
  check(!error.retry_after.nil?, expected["retry_after"], "retry_after") if expected.key?("retry_after")
  expected.fetch("metadata", {}).each { |key, value| check(error.metadata[key], value, "metadata #{key}") }
end

# Runs steps, and keeps what they save.
class Runner
  SERVICES = {
    "PaymentIntentService" => :payment_intents, "RefundService" => :refunds, "CustomerService" => :customers,
    "PaymentMethodService" => :payment_methods, "EventService" => :events, "ExportService" => :exports,
    "RiskService" => :risk, "GatewayService" => :gateway
  }.freeze

  def initialize
    authority = ENV["SCENARIO_CA"]
    @credentials = authority && GRPC::Core::ChannelCredentials.new(File.read(authority))
    @gateways = Hash.new do |made, key|
      made[key] = CorefyGateway.connect(ENV.fetch("SCENARIO_TARGET"), key, credentials: @credentials)
    end
  end

  def run(steps)
    @variables = { "run" => SecureRandom.alphanumeric(12).downcase, "read_key" => ENV.fetch("SCENARIO_READ_KEY") }
    steps.each.with_index(1) do |step, number|
      eventually(filled_in(step, @variables))
    rescue Mismatch, CorefyGateway::Error => e
      raise Mismatch, "step #{number}: #{e.class}: #{e.message}"
    end
  end

  private

  def eventually(step)
    deadline = Time.now + step.fetch("eventually_seconds", 0)
    begin
      perform(step)
    rescue Mismatch
      raise if Time.now > deadline

      sleep(LOOK)
      retry
    end
  end

  def perform(step)
    return system(ENV.fetch("SCENARIO_CONTROL"), *step["control"], exception: true) if step.key?("control")

    expected = step.fetch("expect", {})
    answer, headers = call(step)
    raise Mismatch, "no error but #{answer}" if expected.key?("error")

    expected.fetch("response", {}).each { |path, value| check(at(answer, path), value, "response #{path}") }
    expected.fetch("metadata", {}).each { |header, value| check(headers[header], value, "header #{header}") }
    step.fetch("save", {}).each { |variable, path| @variables[variable] = at(answer, path) }
  rescue CorefyGateway::Error => e
    raise unless expected&.key?("error")

    check_error(e, expected["error"])
  end

  # A call's answer as JSON has it, and its headers.
  def call(step)
    service, name = (step["call"] || step["stream"] || step["list"]).split("/")
    message = Corefy::Gateway::V1.const_get("#{name}Request").decode_json(JSON.generate(step["request"]))
    gateway = @gateways[step.fetch("api_key", ENV.fetch("SCENARIO_API_KEY"))]
    method = name.gsub(/(?<=.)([A-Z])/, '_\1').downcase
    return [{ "messages" => kept(gateway.all.public_send(method.delete_prefix("list_"), message), step) }, {}] if step["list"]

    calls = gateway.public_send(SERVICES.fetch(service.split(".").last))
    return [{ "messages" => kept(calls.public_send(method, message, timeout: STREAM_PATIENCE), step) }, {}] if step["stream"]

    options = { idempotency_key: step["idempotency_key"], timeout: step["timeout_seconds"] }.compact
    answer = calls.public_send(method, message, **options, headers: true)
    [as_json(answer.message), answer.headers]
  end

  # Reads a stream or a list to its end, or until enough is kept of its messages.
  def kept(stream, step)
    messages = stream.lazy.filter_map { |message| at(as_json(message), step.fetch("each", "")) }
    step.key?("take") ? messages.first(step["take"]) : messages.to_a
  end

  def as_json(message) = JSON.parse(message.class.encode_json(message, preserve_proto_fieldnames: true))
end

cases = JSON.parse(File.read(ENV.fetch("SCENARIO_FILE"))).fetch("cases")
runner = Runner.new
failed = cases.count do |one|
  runner.run(one["steps"])
  puts "test ruby: #{one["name"]} ... ok"
  false
rescue Mismatch => e
  puts "test ruby: #{one["name"]} ... FAILED: #{e.message}"
  true
end
puts "test result: #{failed.zero? ? "ok" : "FAILED"}. #{cases.length - failed} passed; #{failed} failed"
exit failed.zero?
