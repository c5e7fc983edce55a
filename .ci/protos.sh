# Checks the protos: lint, format, and that no message broke which clients may already use; sourced by .ci/test.

# The protos as of the last release, as an image: not a commit, for a checkout may be shallow. A release moves it, by
# `buf build proto --exclude-source-info -o proto/baseline.binpb`; nothing else does.
readonly PROTO_BASELINE=proto/baseline.binpb

check_protos() {
    buf lint
    buf format --diff --exit-code
    buf breaking proto --against "$PROTO_BASELINE"
}
