# HomeMail. `make` lists the targets. RID=linux-x64 or linux-arm64 chooses what `make build` builds.
RID ?= $(if $(filter aarch64,$(shell uname -m)),linux-arm64,linux-x64)

.DEFAULT_GOAL := help
.PHONY: help deps build deb ipk apk run test e2e lab check format budget size fuzz bench bench-core bench-growth bench-imap clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install what building and testing need and this machine lacks (apt-get, as root or with sudo)
	@build/deps.sh

build: ## build out/<RID>/homemail, one static file; RID=linux-arm64 cross-compiles
	@build/deps.sh build $(if $(filter linux-arm64,$(RID)),arm64)
	@build/publish.sh $(RID)

RIDS = $(if $(filter aarch64,$(shell uname -m)),linux-arm64,linux-x64 linux-arm64)
deb: ## build Debian packages, out/deb/*.deb; MAINTAINER="Name <address>" is who answers for them
	@build/deps.sh build arm64 deb
	@for rid in $(RIDS); do build/publish.sh $$rid || exit; done
	@MAINTAINER="$(MAINTAINER)" build/deb.sh $(patsubst linux-%,%,$(patsubst linux-x64,amd64,$(RIDS)))

ARCHES = $(patsubst linux-x64,x86_64,$(patsubst linux-arm64,aarch64_generic,$(RIDS)))
ipk: ## build OpenWrt packages for opkg, out/openwrt/*.ipk
	@build/deps.sh build arm64
	@for rid in $(RIDS); do build/publish.sh $$rid || exit; done
	@build/openwrt.sh ipk $(ARCHES)

apk: ## build OpenWrt packages for apk, out/openwrt/*.apk; needs apk-tools 3, as an OpenWrt SDK has: APK=/path/to/apk
	@build/deps.sh build arm64
	@for rid in $(RIDS); do build/publish.sh $$rid || exit; done
	@APK="$(or $(APK),apk)" build/openwrt.sh apk $(ARCHES)

run: ## install, build, and run a demo house on loopback; prints how to send mail to it
	@build/deps.sh build test
	@build/publish.sh
	@build/demo.sh out/$(RID)/homemail

test: deps ## build everything, run every test, sum up; TESTS="NAME..." for some (see build/test.sh)
	@build/test.sh $(TESTS); rc=$$?; [ "$(SUMMARY)" = later ] || cat out/test/summary; exit $$rc

E2E = $(patsubst tests/e2e/%.sh,e2e-%,$(filter-out tests/e2e/harness.sh,$(wildcard tests/e2e/*.sh)))
e2e: ## of the tests, those with real peers and the published binaries
	@$(MAKE) --no-print-directory test TESTS="$(E2E)"

LABS = $(patsubst tests/lab/%.sh,lab-%,$(wildcard tests/lab/*.sh))
lab: ## of the tests, those in a lab of network namespaces (as root): prints a table of situations and what became of each
	@$(MAKE) --no-print-directory test TESTS="$(LABS)"

check: ## analyzers, formatting, layering, README's table of standards
	@build/check.sh

format: ## lay the code out as .editorconfig has it, which `make check` asks for
	@dotnet format HomeMail.sln

budget: ## measure what the published binaries cost, compare with build/budgets.txt
	@build/budget.sh

size: ## what is in the published binaries, by package; the table is out/size.md
	@build/size.sh

fuzz: ## every parser and whole sessions for SECONDS=60; ENGINE=afl: by afl-fuzz; TARGETS="NAME..." for some
	@TARGETS="$(TARGETS)" SEED="$(SEED)" build/fuzz.sh $(or $(SECONDS),60) $(ENGINE)

bench: ## HomeMail beside Postfix, Exim, OpenSMTPD, chasquid and Dovecot (as root, 25 minutes); the tables are out/bench/report.md, smtp.csv and smtp.svg
	@build/deps.sh build test bench
	@build/publish.sh $(RID)
	@dotnet build tests/HomeMail.Load -c Release --nologo -v quiet
	@build/bench/bench.sh
	@MESSAGES=10000 build/bench-imap.sh
	@cat out/bench/smtp.md out/bench/imap.md > out/bench/report.md

bench-core: ## benchmarks of parsers, decoder, header scan and sessions in one process; BENCH='*Decoder*' for some
	@dotnet run -c Release --project tests/HomeMail.Benchmarks -- --filter '$(or $(BENCH),*)'

bench-growth: ## how cost grows with sessions, queue, mailbox, accounts (10 minutes); ONLY="queue mailbox" for some; the table is out/bench/growth.md
	@build/deps.sh build
	@build/publish.sh $(RID)
	@ONLY="$(ONLY)" python3 build/bench/growth.py out/$(RID)/homemail

bench-imap: ## IMAP beside Debian's Dovecot on a mailbox of MESSAGES=100000 (as root); the table is out/bench/imap.md
	@build/deps.sh build test
	@build/publish.sh $(RID)
	@MESSAGES="$(MESSAGES)" build/bench-imap.sh

clean: ## remove everything that was built
	rm -rf out src/*/bin src/*/obj tests/*/bin tests/*/obj
