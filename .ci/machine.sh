# Finds on this machine what the tests need, in a version that is new enough; sourced by .ci/tools.sh and the Makefile.
# A program that is too old is treated as missing.

TOOLS="$PWD/target/tools"
# What is installed here comes before what the machine has.
export PATH="$TOOLS/bin:$TOOLS/python/bin:$PATH"

# The version that a program reports, as `1.24` or `17.0.2`; empty when there is no such program.
version_of() {
    local option=--version
    [ "$1" != go ] || option=version
    # Maven's is coloured.
    "$1" "$option" 2>/dev/null | sed 's/\x1b\[[0-9;]*m//g' | grep -oE '[0-9]+(\.[0-9]+)*' | head -n 1
}

# has_version NAME MINIMUM: whether there is such a program, not older than that.
has_version() {
    local found
    found=$(version_of "$1")
    [ -n "$found" ] && [ "$(printf '%s\n' "$2" "$found" | sort -V | head -n 1)" = "$2" ]
}

# Runs a command as root, directly or by sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
    if ! command -v apt-get >/dev/null; then
        echo "this machine lacks $* and apt-get, which would install them: please install them by hand" >&2
        return 1
    fi
    echo "installing $*"
    as_root apt-get update -qq &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" >/dev/null
}

# Installs those of these packages that Debian's dpkg does not know as installed.
need_packages() {
    local package missing=()
    for package in "$@"; do
        dpkg-query --show --showformat '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
    [ "${#missing[@]}" -eq 0 ] || apt_install "${missing[@]}"
}

# Lets Debian's own program come before one of the same name elsewhere on the path.
prefer_debian() {
    local name
    mkdir -p "$TOOLS/bin"
    for name in "$@"; do
        ln -sf "/usr/bin/$name" "$TOOLS/bin/$name"
    done
    hash -r
}

# need NAME MINIMUM PACKAGE…: installs Debian's packages where the program is missing or too old.
need() {
    local name=$1 minimum=$2
    shift 2
    has_version "$name" "$minimum" && return
    apt_install "$@" || return 1
    hash -r
    has_version "$name" "$minimum" && return
    prefer_debian "$name"
    has_version "$name" "$minimum" && return
    rm "$TOOLS/bin/$name"
    echo "$name $minimum or newer is needed, and the packages of this machine's system are older" >&2
    return 1
}

need_python() {
    need python3 3.10 python3 || return 1
    # Debian has the module that makes environments in a package of its own.
    python3 -c 'import ensurepip' 2>/dev/null || apt_install python3-venv
}

# The way to run the gateway by an image, where there is a Docker that builds one.
without_rust() {
    ! command -v docker >/dev/null || printf '%s' ", or run the gateway in containers:" \
        " docker compose --env-file deploy/compose/dev.env --profile dev up --build"
}

# The two that no test can bring: Rust, and a C compiler for what of SQLite and TLS is C.
need_rust() {
    local minimum found
    minimum=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    has_version cargo "$minimum" && return
    found=$(version_of cargo) || true
    echo "Rust $minimum or newer is needed, and this machine has ${found:-none}: see https://rustup.rs$(without_rust)" >&2
    return 1
}

need_compiler() {
    command -v cc >/dev/null && return
    echo "a C compiler is needed, and this machine has none: on Debian, apt-get install build-essential" >&2
    return 1
}

# A port that the kernel gives to nobody who asks for any, so that it stays free until it is used.
free_port() {
    local port
    for _ in $(seq 100); do
        port=$((20000 + RANDOM % 12768))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
    echo "no port is free" >&2
    return 1
}
