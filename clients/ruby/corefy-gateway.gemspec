# frozen_string_literal: true

Gem::Specification.new do |gem|
  gem.name = "corefy-gateway"
  gem.version = ENV.fetch("COREFY_GATEWAY_VERSION")
  gem.summary = "Client of corefy-gateway, the gRPC gateway to Corefy"
  gem.authors = ["corefy-gateway contributors"]
  gem.license = "Apache-2.0"
  gem.homepage = "https://github.com/corefy/corefy-gateway"
  gem.metadata = {
    "source_code_uri" => "https://github.com/corefy/corefy-gateway",
    "documentation_uri" => "https://github.com/corefy/corefy-gateway/blob/main/docs/clients/ruby.md",
    "bug_tracker_uri" => "https://github.com/corefy/corefy-gateway/issues",
    "changelog_uri" => "https://github.com/corefy/corefy-gateway/blob/main/CHANGELOG.md",
  }
  gem.files = Dir["{lib,generated}/**/*.rb"].sort + %w[LICENSE README.md]
  gem.require_paths = %w[lib generated]
  gem.required_ruby_version = ">= 3.1"
  gem.add_dependency "google-protobuf", ">= 3.21", "< 5"
  gem.add_dependency "googleapis-common-protos-types", "~> 1.4"
  gem.add_dependency "grpc", "~> 1.51"
end
