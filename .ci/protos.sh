# Checks the protos: lint, format, and that no released message broke; sourced by .ci/test.

# The commit whose protos clients may already use: the last tag; else main, seen from another branch; else the commit
# before this one. Empty when there is none.
released_commit() {
    local tag main head
    if tag=$(git describe --tags --abbrev=0 2>/dev/null); then
        echo "$tag"
        return
    fi
    head=$(git rev-parse --verify --quiet HEAD) || return 0
    main=$(git rev-parse --verify --quiet main || true)
    if [ -n "$main" ] && [ "$main" != "$head" ]; then
        echo "$main"
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
    local earlier
    earlier=$(mktemp -d)
    git archive "$released" proto | tar -x -C "$earlier"
    buf breaking proto --against "$earlier/proto"
    rm -r "$earlier"
}
