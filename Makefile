# Two commands matter most: `make demo` shows a pod, `make test` tests everything. `make` alone lists the rest.
#
# What is missing on this machine is installed by the targets that need it: npm packages here, Debian packages by
# apt-get; busybox is only fetched. Nothing is built again when nothing has changed.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help build build-arm64 rootfs demo test lint format bench install uninstall clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1#\2/p' $(MAKEFILE_LIST) | column -t -s '#'

# ---- What the machine must have ----

# $(call require,CHECK,WHAT,PACKAGES): goes on when the shell command CHECK succeeds, perhaps after installing the
# Debian packages; else one line says WHAT is missing. No package is ever removed to make room.
define require
@have() { $(1); }; have >/dev/null 2>&1 && exit 0; \
missing='tsrun needs $(2) (Debian: $(3))'; \
command -v apt-get >/dev/null || { echo "$$missing, and there is no apt-get to install it" >&2; exit 1; }; \
test "$$(id -u)" = 0 || { echo "$$missing: run this as root: apt-get install $(3)" >&2; exit 1; }; \
$(call apt-install,$(3)) && have >/dev/null 2>&1 || { echo "$$missing, and apt-get could not install it:" \
	"$$(grep -m1 '^E: ' build/apt.log || echo see build/apt.log)" >&2; exit 1; }
endef

# One at a time, also in a parallel make.
define apt-install
mkdir -p build && echo "apt-get install $(1)" && DEBIAN_FRONTEND=noninteractive flock build/apt.log \
	sh -c '(apt-get -q update && apt-get -q -y --no-install-recommends --no-remove install $(1)) >build/apt.log 2>&1'
endef

.PHONY: need-root need-npm need-gcc need-busybox need-test-tools
# Root of a container may be nobody who may mount.
need-root:
	@test "$$(id -u)" = 0 || { echo "this needs root, for mounts and namespaces of its own: run it with sudo" >&2; exit 1; }
	@unshare --mount true 2>/dev/null || { echo "this needs a root that may make namespaces (unshare --mount true):" \
		"of a container's, --privileged gives that" >&2; exit 1; }
need-npm:
	$(call require,node --version && npm --version,npm,nodejs npm)

# Programs are linked statically, and objcopy cuts a piece of code out.
NEEDED_HEADERS = printf '\#include <%s>\n' stdio.h linux/futex.h linux/openat2.h
need-gcc:
	$(call require,$(NEEDED_HEADERS) | $(CC) -E - && test -e "$$($(CC) -print-file-name=libc.a)" && command -v objcopy,gcc and the headers of libc and Linux,gcc libc6-dev)

# A static one that serves the example's page. Where /bin/busybox is another it stays, as it is what others use: Debian's
# package is unpacked in build.
HAS_BUSYBOX = for one in build/busybox /bin/busybox; do \
	ldd $$one 2>&1 | grep -qi 'not a .*dynamic\|statically' && $$one --list | grep -qx httpd && return 0; done; return 1
need-busybox:
	@have() { $(HAS_BUSYBOX); }; have 2>/dev/null && exit 0; mkdir -p build && echo "apt-get download busybox-static" && \
	flock build/apt.log sh -c '$(FETCH_BUSYBOX)' >build/apt.log 2>&1 && have || { \
		echo "tsrun needs a static busybox (Debian: busybox-static), and apt-get could not fetch it:" \
		"$$(grep -m1 '^E: ' build/apt.log || echo see build/apt.log)" >&2; exit 1; }
DOWNLOAD_BUSYBOX = apt-get -q download busybox-static
FETCH_BUSYBOX = rm -rf build/fetched && mkdir build/fetched && cd build/fetched && \
	{ $(DOWNLOAD_BUSYBOX) || { apt-get -q update && $(DOWNLOAD_BUSYBOX); }; } && \
	dpkg -x *.deb . && mv "$$(find . -path "*bin/busybox" -type f)" ../busybox && rm -rf ../fetched

# $(call install-each,PROGRAM:PACKAGE+PACKAGE …): installs the packages of programs, or files, that are missing. They come one by
# one: one that can't be had costs its own tests alone, and those say so. No service is started.
define install-each
@for pair in $(1); do \
	have=$${pair%%:*}; ! command -v $$have >/dev/null && ! test -e $$have || continue; \
	export packages="$$(echo $${pair#*:} | tr + ' ')" SYSTEMD_OFFLINE=1; \
	test "$$(id -u)" = 0 && command -v apt-get >/dev/null && { $(call apt-install,$$packages); } || \
		echo "apt-get could not install $$packages: see build/apt.log"; \
done
endef

# Without these the tests that want them are skipped, and say so.
need-test-tools:
	$(call install-each,dbus-daemon:dbus-daemon qemu-aarch64:qemu-user groff:groff-base zsh:zsh fish:fish runc:runc crun:crun \
		chromium:chromium \
		/usr/aarch64-linux-gnu/include/stdio.h:gcc-aarch64-linux-gnu+libc6-dev-arm64-cross \
		aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu ps:procps ip:iproute2 newuidmap:uidmap unshare:util-linux \
		umoci:umoci skopeo:skopeo setfattr:attr jq:jq)

# npm writes this file last. Of the packages' own scripts only Bun's runs, which puts its binary in place.
# npm would empty the directory that a link points to.
INSTALLED := node_modules/.package-lock.json
$(INSTALLED): package.json package-lock.json .npmrc | need-npm
	@test ! -L node_modules || { echo "node_modules is a link, and older than package.json: remove it" >&2; exit 1; }
	npm ci --ignore-scripts --loglevel=error || { echo "npm could not install what package-lock.json names" >&2; exit 1; }
	@node node_modules/bun/install.js && touch $@

# ---- tsrun ----

ifeq ($(origin CC),default)
CC := gcc
endif
MACHINE := $(shell uname -m)
BUN := node_modules/.bin/bun

# No libc, no relocations, nothing but code: what stays of tsrun in a container until its program runs.
AGENT_FLAGS := -Os -std=gnu11 -Wall -Wextra -Werror -static -nostdlib -ffreestanding -fno-pic -no-pie \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables -fomit-frame-pointer \
	-Wl,--build-id=none,-z,noexecstack,-z,norelro,-n,-s
AGENT_FLAGS_x86_64 := -fcf-protection=none

SOURCES := $(shell find src runtime-spec -name '*.ts') package.json tsconfig.json

build: bin/tsrun ## compile bin/tsrun

build/agent: src/agent/agent.c $(wildcard src/agent/*.h) Makefile | need-gcc
	@mkdir -p $(@D)
	$(CC) $(AGENT_FLAGS) $(AGENT_FLAGS_$(MACHINE)) -o $@ $<

# spawn.ts imports it.
%/agent.json: %/agent
	printf '"%s"\n' "$$(base64 -w0 $<)" >$@

# Independent of its position, and in one piece: patch.ts adds it to what Bun has compiled.
ENTRY_FLAGS := -Os -std=gnu11 -Wall -Wextra -Werror -static -nostdlib -ffreestanding -fpie -fvisibility=hidden \
	-fno-stack-protector -fno-asynchronous-unwind-tables -fno-unwind-tables -fno-jump-tables \
	-Wl,--build-id=none,-z,noexecstack,-T,src/entry/entry.ld -no-pie
ENTRY_SOURCES := src/entry/entry.S src/entry/entry.c src/entry/client.c
ENTRY_NEEDS := $(ENTRY_SOURCES) src/entry/entry.ld $(wildcard src/agent/*.h src/entry/*.h) Makefile

build/entry: $(ENTRY_NEEDS) | need-gcc
	@mkdir -p $(@D)
	$(CC) $(ENTRY_FLAGS) $(AGENT_FLAGS_$(MACHINE)) -o $@.elf $(ENTRY_SOURCES) && objcopy -O binary -j .text $@.elf $@

# What `tsrun --version` tells of the sources, whatever tags and other clones there are; empty where this is no clone. The
# file is written only when that has changed, and git's index never: it may be another user's, or in use.
GIT := GIT_OPTIONAL_LOCKS=0 git -c safe.directory='*'
.PHONY: always
build/commit: always
	@mkdir -p $(@D) && commit="$$(test -e .git && $(GIT) rev-parse HEAD 2>/dev/null)"; \
	test -z "$$commit" || test -z "$$($(GIT) status --porcelain --untracked-files=no)" || commit="$$commit-dirty"; \
	test -e $@ && test "$$(cat $@)" = "$$commit" || echo "$$commit" >$@

# Renamed into place, so that a tsrun that runs meanwhile is whole, the old one or the new one.
bin/tsrun: $(SOURCES) build/agent.json build/entry build/commit Makefile $(INSTALLED)
	@mkdir -p $(@D)
	COMMIT="$$(cat build/commit)" $(BUN) src/entry/bundle.ts src/main.ts build/tsrun
	@$(BUN) src/entry/patch.ts build/tsrun build/entry
	@mv build/tsrun $@

# ---- tsrun for arm64, compiled on any machine ----

# A tree of its own, with the other agent in it: nothing of this machine's build is touched.
ARM64 := build/arm64
ARM64_BUN := @oven/bun-linux-aarch64
ARM64_BUN_VERSION = $(shell sed -n 's/.*"bun": "\(.*\)".*/\1/p' package.json)

.PHONY: need-arm64-gcc
need-arm64-gcc:
	$(call require,$(NEEDED_HEADERS) | aarch64-linux-gnu-gcc -E - && command -v aarch64-linux-gnu-objcopy,a compiler for arm64,gcc-aarch64-linux-gnu libc6-dev-arm64-cross)

build-arm64: bin/tsrun-arm64 ## compile bin/tsrun-arm64

$(ARM64)/build/agent: src/agent/agent.c $(wildcard src/agent/*.h) Makefile | need-arm64-gcc
	@mkdir -p $(@D)
	aarch64-linux-gnu-gcc $(AGENT_FLAGS) -o $@ $<

$(ARM64)/build/entry: $(ENTRY_NEEDS) | need-arm64-gcc
	@mkdir -p $(@D)
	aarch64-linux-gnu-gcc $(ENTRY_FLAGS) -o $@.elf $(ENTRY_SOURCES) && aarch64-linux-gnu-objcopy -O binary -j .text $@.elf $@

# From npm, and what package-lock.json names.
$(ARM64)/bun: package-lock.json | need-npm $(INSTALLED)
	@mkdir -p $(@D)
	cd $(@D) && rm -f *.tgz && npm pack --silent $(ARM64_BUN)@$(ARM64_BUN_VERSION) >/dev/null
	@$(BUN) -e "$$CHECK" $(ARM64)/*.tgz
	@tar -xzf $(ARM64)/*.tgz -C $(@D) --strip-components=2 package/bin/bun
	@rm $(ARM64)/*.tgz && touch $@
define CHECK_INTEGRITY
const archive = process.argv[1];
const { integrity } = (await Bun.file("package-lock.json").json()).packages["node_modules/$(ARM64_BUN)"];
const [kind, wanted] = integrity.split(/-(.*)/);
const found = new Bun.CryptoHasher(kind).update(await Bun.file(archive).bytes()).digest("base64");
if (found !== wanted) throw `$${archive} is not what package-lock.json names`;
endef
$(ARM64)/bun: export CHECK = $(CHECK_INTEGRITY)

bin/tsrun-arm64: $(SOURCES) $(ARM64)/build/agent.json $(ARM64)/build/entry $(ARM64)/bun build/commit Makefile $(INSTALLED)
	@mkdir -p $(@D) && rm -rf $(ARM64)/src $(ARM64)/runtime-spec
	@cp -r src runtime-spec package.json tsconfig.json $(ARM64)
	COMMIT="$$(cat build/commit)" $(BUN) src/entry/bundle.ts $(ARM64)/src/main.ts $(ARM64)/tsrun bun-linux-arm64 $(ARM64)/bun
	@$(BUN) src/entry/patch.ts $(ARM64)/tsrun $(ARM64)/build/entry
	@mv $(ARM64)/tsrun $@

# ---- What runs in the examples ----

rootfs: build/rootfs/.built ## build the pause and busybox rootfs and the example bundles

ROOTFS_SOURCES := $(filter-out rootfs/demo% rootfs/join-sandbox.ts,$(wildcard rootfs/*.ts rootfs/pause/*))
build/rootfs/.built: $(ROOTFS_SOURCES) package.json $(wildcard /bin/busybox build/busybox) $(INSTALLED) | need-gcc need-busybox
	$(BUN) rootfs/build.ts --out build
	@touch $@

demo: need-root bin/tsrun build/rootfs/.built ## run a pod, show it, remove it
	@$(BUN) rootfs/demo.ts

# ---- Tests ----

lint: $(INSTALLED) ## check types, style, and that no layer imports from one above it
	node_modules/.bin/tsc --noEmit
	node_modules/.bin/biome check --error-on-warnings

format: $(INSTALLED) ## format the sources
	node_modules/.bin/biome check --write

# FILES="test/unit/cli/*.test.ts" runs these alone; NO_VM=1 leaves out what runs in virtual machines. Its last line
# counts what passed and failed.
test: need-root lint bin/tsrun build/rootfs/.built need-test-tools need-callers $(if $(FILES)$(NO_VM),,need-qemu-if-possible) ## lint, build and run all tests; FILES="…" for some
	@$(BUN) test/run.ts $(FILES)

.PHONY: conformance test-served
test-served: need-root bin/tsrun build/rootfs/.built need-test-tools need-callers ## run the tests of containers and callers beside a tsrun server
	@RUNS=warm $(BUN) test/run.ts $(or $(FILES),$(shell find test/integration test/callers -name '*.test.ts'))

conformance: $(INSTALLED) ## write docs/spec-conformance.md anew out of src/cli/explain/claims.ts
	$(BUN) test/conformance/document.ts

# Real callers' tests, tests in a virtual machine, what these fetch, and packages have makefiles of their own.
-include test/callers/callers.mk test/debian/debian.mk test/kubernetes/kubernetes.mk test/vm/vm.mk test/kubernetes/vm/vm.mk packaging/dist.mk

# ---- The documentation in a browser ----

.PHONY: site
site: $(INSTALLED) ## make pages for a browser of the documentation, in build/site
	@$(BUN) docs/site/build.ts

# ---- Benchmark ----

BENCH_PROGRAMS := build/bench/floor build/bench/stopwatch build/bench/empty

build/bench/%: bench/%.c | need-gcc
	@mkdir -p $(@D)
	$(CC) -O2 -static -Wall -Wextra -Werror -o $@ $<

build/bench/empty: bench/empty.ts src/entry/bundle.ts Makefile $(INSTALLED)
	@mkdir -p $(@D)
	$(BUN) src/entry/bundle.ts $< $@

# BENCH_RUNC=PATH and BENCH_CRUN=PATH compare with these binaries; they count for much: see docs/comparison.md. BENCH_OLD=PATH
# compares what tsrun does without a server with another tsrun.
bench: bin/tsrun $(BENCH_PROGRAMS) | need-busybox ## measure tsrun beside runc and crun; BENCH_FLAGS="--quick --realtime"
	@$(BUN) bench/bench.ts --runc "$(BENCH_RUNC)" --crun "$(BENCH_CRUN)" --old "$(BENCH_OLD)" $(BENCH_FLAGS)
	@$(if $(findstring --json,$(BENCH_FLAGS)),,echo && $(MAKE) --no-print-directory bench-unpack ROUNDS=3)

.PHONY: bench-unpack need-umoci
need-umoci:
	$(call install-each,umoci:umoci zstd:zstd)

# On a tmpfs of its own: a disk's writes come when the kernel likes.
bench-unpack: need-root bin/tsrun build/bench/stopwatch | need-umoci ## measure `tsrun unpack` beside umoci and tar
	@mkdir -p build/bench/work && unshare --mount sh -c \
		'mount -t tmpfs tsrun-bench build/bench/work && TMPDIR=$$PWD/build/bench/work exec $(BUN) bench/unpack.ts $(ROUNDS)'

# ---- Installation ----

PREFIX ?= /usr/local
BINDIR = $(DESTDIR)$(PREFIX)/bin
SHAREDIR = $(DESTDIR)$(PREFIX)/share
MAN = $(SHAREDIR)/man/man8/tsrun.8
BASH_COMPLETION = $(SHAREDIR)/bash-completion/completions/tsrun
ZSH_COMPLETION = $(SHAREDIR)/zsh/site-functions/_tsrun
FISH_COMPLETION = $(SHAREDIR)/fish/vendor_completions.d/tsrun.fish
UNITDIR = $(DESTDIR)$(PREFIX)/lib/systemd
UNITS := system/tsrun.socket system/tsrun.service user/tsrun.socket user/tsrun.service

# BINARY=PATH installs that of another machine.
install: bin/tsrun ## install below PREFIX (/usr/local): binary, man page, completions, units of systemd
	install -D -m 755 $(or $(BINARY),bin/tsrun) $(BINDIR)/tsrun
	@install -d $(dir $(MAN) $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION))
	bin/tsrun man >$(MAN)
	bin/tsrun completion bash >$(BASH_COMPLETION)
	bin/tsrun completion zsh >$(ZSH_COMPLETION)
	bin/tsrun completion fish >$(FISH_COMPLETION)
	@install -d $(UNITDIR)/system $(UNITDIR)/user
	@for unit in $(UNITS); do install -m 644 systemd/$$unit $(UNITDIR)/$$unit && \
		sed -i 's|/usr/local/bin|$(PREFIX)/bin|' $(UNITDIR)/$$unit || exit; done

uninstall: ## remove what install put there
	rm -f $(BINDIR)/tsrun $(MAN) $(BASH_COMPLETION) $(ZSH_COMPLETION) $(FISH_COMPLETION)
	rm -f $(addprefix $(UNITDIR)/,$(UNITS))

clean: ## remove bin/ and build/
	rm -rf bin build
