# Makes what a release consists of; sourced by .ci/release and .ci/packaging after .ci/tools.sh. Whatever is made is below target/packaging.

readonly CARGO_DEB_VERSION=3.8.0 CYCLONEDX_VERSION=0.5.9 AUDITABLE_VERSION=0.7.7 KUSTOMIZE_VERSION=v5.7.1
readonly MADE="$PWD/target/packaging"
# Times in archives are those of the commit, so that the same commit makes the same files.
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH

# The version of the package in Cargo.toml.
version() { sed -n '/^\[package\]/,/^\[/s/^version = "\(.*\)"/\1/p' Cargo.toml; }

# install_cargo_tool NAME VERSION: compiled once, without optimizations that cost more than they save.
install_cargo_tool() {
    [ "$(cat "$TOOLS/bin/$1.version" 2>/dev/null)" != "$2" ] || return 0
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_TARGET_DIR="$MADE/tools" \
        cargo install --quiet --locked --root "$TOOLS" "$1@$2" || return 1
    rm -rf "$MADE/tools"
    echo "$2" >"$TOOLS/bin/$1.version"
}

install_release_tools() {
    install_cargo_tool cargo-auditable "$AUDITABLE_VERSION" &&
        install_cargo_tool cargo-deb "$CARGO_DEB_VERSION" &&
        install_cargo_tool cargo-cyclonedx "$CYCLONEDX_VERSION"
}

# `go install` calls it kustomize, for the last part of its path is a version.
install_kustomize() { install_go_tool sigs.k8s.io/kustomize/kustomize/v5 "$KUSTOMIZE_VERSION" kustomize; }

# The program, with the list of its crates in it: `cargo audit bin` finds those with known faults, whoever has the file.
build_program() { cargo auditable build --release --locked --bin corefy-gateway; }

# Manual pages and completions, by the program itself.
make_manuals() {
    local program="$PWD/target/release/corefy-gateway"
    rm -rf "$MADE/man" "$MADE/man8" "$MADE/completions"
    mkdir -p "$MADE/man" "$MADE/man8" "$MADE/completions"
    "$program" man "$MADE/man"
    "$program" completions bash >"$MADE/completions/corefy-gateway.bash"
    "$program" completions zsh >"$MADE/completions/_corefy-gateway"
    "$program" completions fish >"$MADE/completions/corefy-gateway.fish"
    cp deploy/debian/corefy-gatewayctl.8 "$MADE/man8/"
    gzip -9n "$MADE"/man/*.1 "$MADE"/man8/*.8
}

# The part of CHANGELOG.md about this version, or about what is not released while it has none.
release_notes() {
    local heading
    heading="## [$(version)]"
    grep -qF "$heading" CHANGELOG.md || heading='## Unreleased'
    awk -v heading="$heading" 'index($0, heading) == 1 { inside = 1; next } /^## / { inside = 0 } inside' CHANGELOG.md | sed '/./,$!d'
}

# The list of changes in the form of Debian, which names the version and where the notes are.
make_changelog() {
    mkdir -p "$MADE"
    cat >"$MADE/changelog" <<END
corefy-gateway ($(version)-1) stable; urgency=medium

  * Release of version $(version), whose changes are in CHANGELOG.md of the source.

 -- $(sed -n 's/^maintainer = "\(.*\)"/\1/p' Cargo.toml)  $(date --utc --rfc-email --date="@$SOURCE_DATE_EPOCH")
END
}

debian_package() { echo "$MADE/corefy-gateway_$(version)-1_$(dpkg --print-architecture).deb"; }

make_debian_package() {
    install_cargo_tool cargo-deb "$CARGO_DEB_VERSION"
    make_manuals
    make_changelog
    cargo deb --quiet --no-build --output "$(debian_package)"
}

# Runs as the first process of namespaces that hold the mounts and all that is started in the chroot: installs the package, uses it as its
# operator does, and takes it away again.
in_debian() {
    local root=$1
    mount -t proc proc "$root/proc"
    chroot "$root" /bin/sh -eu <<'SCRIPT'
export DEBIAN_FRONTEND=noninteractive
secrets=/etc/corefy-gateway/secrets
dpkg --install /corefy-gateway.deb >/dev/null
[ "$(stat --format '%U %a' /var/lib/corefy-gateway)" = 'corefy-gateway 700' ]
[ "$(stat --format '%U %a %s' $secrets/gateway-master-key)" = 'root 600 64' ]
[ -s /usr/share/man/man1/corefy-gateway-serve.1.gz ]
[ -s /usr/share/bash-completion/completions/corefy-gateway ]
key=$(corefy-gatewayctl keys create --partner-name Acme --key-name Backend)
case $key in pk_acme_*:sk_*) ;; *) echo "no key: $key"; exit 1 ;; esac
[ "$(stat --format '%U %a' /var/lib/corefy-gateway/corefy-gateway.db)" = 'corefy-gateway 600' ]
before=$(cat $secrets/gateway-master-key)
dpkg --install /corefy-gateway.deb >/dev/null
[ "$(cat $secrets/gateway-master-key)" = "$before" ]
corefy-gatewayctl keys list | grep -q Backend
dpkg --purge corefy-gateway >/dev/null
[ ! -e /usr/bin/corefy-gateway ]
[ "$(cat $secrets/gateway-master-key)" = "$before" ]
[ -s /var/lib/corefy-gateway/corefy-gateway.db ]
SCRIPT
}

# Whether the package works on a Debian that has nothing else; .ci/packaging calls itself in namespaces of its own for it.
try_debian_package() {
    local place outcome=0 site
    place=$(mktemp -d /tmp/debian-package.XXXXXX)
    site=$(apt-get indextargets --format '$(SITE)' 2>/dev/null | head -n 1)
    # The package's own dependencies come with it, so that nothing is fetched inside.
    debootstrap --variant=minbase --include=systemd-standalone-sysusers,procps,ca-certificates bookworm "$place/root" "$site" >"$place/log" ||
        { tail -n 20 "$place/log"; outcome=1; }
    cp "$(debian_package)" "$place/root/corefy-gateway.deb"
    [ "$outcome" -ne 0 ] || unshare --mount --pid --fork --kill-child --propagation private "$0" in_debian "$place/root" || outcome=$?
    rm -rf --one-file-system "$place"
    [ "$outcome" -eq 0 ] && echo "the package was installed, used and removed"
}

# The crates that the program is made of, as CycloneDX.
make_bill_of_materials() {
    cargo cyclonedx --quiet --format json --override-filename bill-of-materials --target "$(rustc -vV | sed -n 's/^host: //p')" &&
        mv bill-of-materials.json "$1"
}

# pack ARCHIVE FOLDER FILE…: an archive of files below a folder.
pack() {
    local archive=$1 folder=$2
    shift 2
    tar --create --gzip --sort=name --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --file "$archive" --directory "$folder" "$@"
}
