#!/usr/bin/env bash
# Installs what is missing, by package name, with apt-get; says nothing and asks for no rights when nothing is.
#   build/deps.sh [build] [arm64] [deb] [test] [bench]        default: build, arm64, test
# build: the native build. arm64: cross-compiling to linux-arm64 and running the result. deb: making Debian packages. bench: `make bench`. test: what the
# checks and end-to-end tests use, gathered from the lines `# needs: PACKAGE...` (in C#, `// needs: ...`) of what is under build/ and tests/.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=()
for group in "${@:-build arm64 test}"; do
    for name in $group; do
        case $name in
            build) wanted+=(clang lld cmake make file zlib1g-dev libssl-dev) ;;
            arm64)
                wanted+=(qemu-user-static)
                [ "$(uname -m)" = aarch64 ] ||
                    wanted+=(gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross libssl-dev:arm64 zlib1g-dev:arm64) ;;
            deb) wanted+=(debhelper dpkg-dev) ;;
            bench) wanted+=(linux-perf python3) ;;
            test)
                # shellcheck disable=SC2207 # package names hold no white space
                wanted+=($(find build tests \( -name '*.sh' -o -name '*.cs' \) -exec sed -nE 's,^(#|//) needs: *,,p' {} + | tr ' ' '\n' | sort -u)) ;;
            *) echo "deps: unknown group '$name'; allowed: build, arm64, deb, test, bench" >&2; exit 2 ;;
        esac
    done
done

# One query for all; `name` stands for this machine's architecture, `name:arm64` for that one. Where there is no dpkg the names are
# said, and the rest is left to whoever builds.
missing=()
if ! command -v dpkg > /dev/null; then
    echo "deps: this system has no dpkg; needed are (Debian's names): ${wanted[*]}" >&2
elif [ ${#wanted[@]} -gt 0 ]; then
    native=$(dpkg --print-architecture)
    installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}:${Architecture}\n' "${wanted[@]}" 2> /dev/null |
        sed -n "s/^installed //p" | sed "s/:\(all\|$native\)\$//" || true)
    for package in "${wanted[@]}"; do
        grep -qxF -e "$package" <<< "$installed" || missing+=("$package")
    done
fi

if [ ${#missing[@]} -gt 0 ]; then
    root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo > /dev/null || { echo "deps: missing: ${missing[*]}; install them as root with apt-get install" >&2; exit 1; }
        root=(sudo)
    fi
    command -v apt-get > /dev/null || { echo "deps: missing: ${missing[*]} (Debian's names); this system has no apt-get" >&2; exit 1; }
    echo "deps: installing ${missing[*]}"
    apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600)
    case " ${missing[*]} " in *:arm64\ *) "${root[@]}" dpkg --add-architecture arm64 ;; esac
    # Test peers are run by the tests, on ports of their own: their packages must not start a second one on this machine's.
    policy=/usr/sbin/policy-rc.d
    if [ ! -e $policy ]; then
        trap '"${root[@]}" rm -f $policy' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${root[@]}" tee $policy > /dev/null
        "${root[@]}" chmod 755 $policy
    fi
    mkdir -p out/log
    { "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends "${missing[@]}"; } > out/log/deps.log 2>&1 < /dev/null ||
        { tail -n 20 out/log/deps.log >&2; echo "deps: apt-get failed; the whole log is out/log/deps.log" >&2; exit 1; }
fi

# The SDK comes from Microsoft's feed or a distribution that carries it; Debian has no package of that name.
sdk=10
if ! command -v dotnet > /dev/null; then
    echo "deps: the .NET SDK $sdk is needed and there is no 'dotnet' in PATH: install dotnet-sdk-$sdk.0 (https://dot.net)" >&2
    exit 1
fi
dotnet --list-sdks | grep -q "^$sdk\\." || {
    echo "deps: the .NET SDK $sdk is needed; 'dotnet --list-sdks' has: $(dotnet --list-sdks | cut -d' ' -f1 | tr '\n' ' ')" >&2
    exit 1
}
