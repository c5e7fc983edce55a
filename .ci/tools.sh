# Finds or installs the tools of the tests; sourced by .ci/test. What is installed once in target/tools is used again.

readonly BUF_VERSION=1.75.0
readonly GRPCURL_VERSION=v1.9.4
readonly TOOLS="$PWD/target/tools"

# Runs a command as root, directly or by sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
    echo "installing $*"
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# The directory of the newest PostgreSQL's programs; empty when there is none.
postgres_programs() {
    find /usr/lib/postgresql/*/bin -name initdb 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname
}

install_buf() {
    [ "$("$TOOLS/python/bin/buf" --version 2>/dev/null)" = "$BUF_VERSION" ] && return
    # Debian has the module that makes environments in a package of its own.
    python3 -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
    python3 -m venv "$TOOLS/python"
    "$TOOLS/python/bin/pip" install --quiet --disable-pip-version-check "buf-bin==$BUF_VERSION"
}

install_grpcurl() {
    [ -x "$TOOLS/bin/grpcurl-$GRPCURL_VERSION" ] && return
    command -v go >/dev/null || apt_install golang-go
    GOBIN="$TOOLS/bin" go install "github.com/fullstorydev/grpcurl/cmd/grpcurl@$GRPCURL_VERSION"
    ln -sf grpcurl "$TOOLS/bin/grpcurl-$GRPCURL_VERSION"
}

install_tools() {
    mkdir -p "$TOOLS/bin"
    command -v cc >/dev/null || apt_install build-essential
    command -v openssl >/dev/null || apt_install openssl
    [ -n "$(postgres_programs)" ] || apt_install postgresql
    install_buf
    install_grpcurl
    export PATH="$TOOLS/bin:$TOOLS/python/bin:$PATH"
    echo "buf $(buf --version), $(grpcurl -version 2>&1), $("$(postgres_programs)/postgres" --version)"
}
