# frozen_string_literal: true

require "google/protobuf/well_known_types"
require "google/rpc/error_details_pb"
require "google/rpc/status_pb"

module CorefyGateway
  # A call that did not succeed: refused by the gateway, or not answered by it. A declined payment is not one.
  class Error < StandardError
    DOMAIN = "corefy-gateway"
    PREVIOUS_ATTEMPTS = "previous_attempts"
    SENT_NOTHING = [GRPC::Core::StatusCodes::UNAVAILABLE, GRPC::Core::StatusCodes::RESOURCE_EXHAUSTED].freeze
    private_constant :DOMAIN, :PREVIOUS_ATTEMPTS, :SENT_NOTHING

    # The gRPC code, a number of GRPC::Core::StatusCodes.
    attr_reader :code
    # A name of ErrorReason without its prefix, such as `FIELDS_INVALID`; empty when it was not the gateway that spoke.
    attr_reader :reason
    # The reason as a value of ErrorReason, such as :ERROR_REASON_FIELDS_INVALID; :ERROR_REASON_UNSPECIFIED for an empty reason and
    # for one that is younger than this client.
    attr_reader :reason_code
    # The invalid fields of the request by path, each with its reason.
    attr_reader :fields
    # Seconds after which the same call may succeed; nil when waiting does not help.
    attr_reader :retry_after
    # The id by which the gateway's operator finds the call; empty when the gateway was not reached.
    attr_reader :request_id
    # The metadata that ErrorReason documents for this reason.
    attr_reader :metadata

    # Reads what a call ended with.
    def initialize(status)
      @code, @reason, @fields, @metadata, @provable = status.code, "", {}, {}, true
      @request_id = status.metadata.fetch("x-request-id", "")
      details(status).each { |detail| read(detail) }
      known = ::Corefy::Gateway::V1::ErrorReason.resolve(:"ERROR_REASON_#{reason}")
      @reason_code = known ? :"ERROR_REASON_#{reason}" : :ERROR_REASON_UNSPECIFIED
      super(status.details)
    end

    # Whether this call provably sent nothing to Corefy: in each attempt, the gateway itself said so. Otherwise make the
    # call again under the same idempotency key, or read the object: it may have been done.
    def nothing_was_sent?
      @provable && !reason.empty? && SENT_NOTHING.include?(code) && !metadata.key?(PREVIOUS_ATTEMPTS)
    end

    # Notes that an attempt before the last one may have arrived.
    def doubt!
      @provable = false
    end

    # Whether to make the call again; it keeps its idempotency key, so that it is done once even if it has arrived.
    def repeatable?
      return true if code == GRPC::Core::StatusCodes::UNAVAILABLE

      [GRPC::Core::StatusCodes::RESOURCE_EXHAUSTED, GRPC::Core::StatusCodes::ABORTED].include?(code) && !retry_after.nil?
    end

    private

    def details(status)
      Google::Rpc::Status.decode(status.metadata.fetch("grpc-status-details-bin", "")).details
    rescue Google::Protobuf::ParseError
      [] # something on the way to the gateway spoke, in words of its own
    end

    def read(detail)
      if (info = detail.unpack(Google::Rpc::ErrorInfo))
        @reason, @metadata = info.reason, info.metadata.to_h if info.domain == DOMAIN
      elsif (request = detail.unpack(Google::Rpc::BadRequest))
        @fields = request.field_violations.to_h { |violation| [violation.field, violation.description] }
      elsif (again = detail.unpack(Google::Rpc::RetryInfo))
        @retry_after = again.retry_delay.to_f
      end
    end
  end
end
