# Checks the protos: lint, format, and that no released message broke; sourced by .ci/test.

# The commit whose protos clients may already use: the last tag; else where this branch left main; else, on main, the
# commit before this one. Empty when there is none.
released_commit() {
    local head base
    git describe --tags --abbrev=0 2>/dev/null && return
    head=$(git rev-parse --verify --quiet HEAD 2>/dev/null) || return 0
    base=$(git merge-base HEAD main 2>/dev/null || git merge-base HEAD origin/main 2>/dev/null || true)
    if [ -n "$base" ] && [ "$base" != "$head" ]; then
        echo "$base"
    else
        git rev-parse --verify --quiet HEAD~1 || true
    fi
}

check_protos() {
    buf lint
    buf format --diff --exit-code
    local released
    released=$(released_commit)
    if [ -z "$released" ] || ! git cat-file -e "$released:proto" 2>/dev/null; then
        echo "no earlier protos to compare with"
        return
    fi
    local earlier=target/earlier-protos
    rm -rf "$earlier" && mkdir -p "$earlier"
    git archive "$released" proto | tar -x -C "$earlier"
    buf breaking proto --against "$earlier/proto"
}
