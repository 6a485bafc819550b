# Tests in virtual machines: `make test-vm`, or some files: `make test-vm FILES=test/vm/memory.test.ts`.
# KERNEL=backports takes the newer kernel, KERNEL=all one after the other.
# Two at a time would share their files in build/vm.

BUN ?= node_modules/.bin/bun
IN_TURN = mkdir -p build/vm && flock --close build/vm/lock

.PHONY: test-vm test-vm-systemd kernel-features test-vm-mishaps need-qemu need-debootstrap need-qemu-if-possible

# QEMU, and what the guest is made with and gets of this machine.
HAS_QEMU = command -v qemu-system-x86_64 && command -v xz && command -v ip && command -v ps && command -v criu && \
	command -v iptables-restore
QEMU_PACKAGES = qemu-system-x86 xz-utils iproute2 procps criu iptables
# What the guest of systemd is made with.
HAS_DEBOOTSTRAP = test -x /usr/sbin/debootstrap && test -x /sbin/mke2fs
DEBOOTSTRAP_PACKAGES = debootstrap e2fsprogs

need-qemu:
	$(call require,$(HAS_QEMU),QEMU and the programs xz and ip and ps and criu and iptables-restore,$(QEMU_PACKAGES))

# For `make test`, which skips what needs a virtual machine where there can be none, and says so.
need-qemu-if-possible:
	$(call install-each,qemu-system-x86_64:qemu-system-x86 xz:xz-utils ip:iproute2 ps:procps criu:criu \
		iptables-restore:iptables /usr/sbin/debootstrap:debootstrap /sbin/mke2fs:e2fsprogs)

test-vm: bin/tsrun build/rootfs/.built | need-qemu ## run the tests in a virtual machine; KERNEL=stable|backports|all
	@$(IN_TURN) env KERNEL=$(or $(KERNEL),stable) $(BUN) test/vm/run.ts $(FILES)

need-debootstrap:
	$(call require,$(HAS_DEBOOTSTRAP),debootstrap and mke2fs,$(DEBOOTSTRAP_PACKAGES))

test-vm-systemd: bin/tsrun build/rootfs/.built | need-qemu need-debootstrap ## run those of --systemd-cgroup in one that systemd runs
	@$(IN_TURN) $(BUN) test/vm/systemd/run.ts $(FILES)

# That a guest which panics, hangs or goes off too early fails, and that Ctrl-C ends QEMU.
test-vm-mishaps: bin/tsrun build/rootfs/.built | need-qemu
	@$(IN_TURN) $(BUN) test/vm/mishaps/mishaps.test.ts

kernel-features: bin/tsrun build/rootfs/.built | need-qemu ## write docs/kernel-features.md of what kernels let containers do
	@$(IN_TURN) $(BUN) test/vm/write-kernel-features.ts

# ---- arm64 ----

.PHONY: test-vm-arm64 need-qemu-arm64

# QEMU, a compiler for the tests' programs, and what runs one of that machine's here, such as busybox that lists its applets.
HAS_QEMU_ARM64 = command -v qemu-system-aarch64 && command -v qemu-aarch64 && command -v aarch64-linux-gnu-gcc && \
	command -v xz && $(HAS_DEBOOTSTRAP)
QEMU_ARM64_PACKAGES = qemu-system-arm qemu-user gcc-aarch64-linux-gnu xz-utils $(DEBOOTSTRAP_PACKAGES)

need-qemu-arm64: | need-arm64-gcc
	$(call require,$(HAS_QEMU_ARM64),QEMU for arm64 and what its guest is made with,$(QEMU_ARM64_PACKAGES))

$(ARM64)/busybox: | need-npm $(INSTALLED)
	@mkdir -p $(@D) && $(BUN) test/debian/fetch.ts "$$(. /etc/os-release && echo $$VERSION_CODENAME)" busybox-static $@ arm64

$(ARM64)/rootfs/.built: $(ROOTFS_SOURCES) package.json $(ARM64)/busybox $(INSTALLED) | need-qemu-arm64
	$(BUN) rootfs/build.ts --busybox $(ARM64)/busybox/bin/busybox --out $(ARM64)
	@touch $@

# The package is there when its test is to run.
ARM64_PACKAGE = $(if $(FILES),$(if $(filter test/packages/%,$(FILES)),dist-aarch64),dist-aarch64)
test-vm-arm64: bin/tsrun-arm64 $(ARM64)/rootfs/.built $(ARM64_PACKAGE) | need-qemu-arm64 ## run the tests in virtual machines of arm64; RUNS=cold|warm
	@$(IN_TURN) $(BUN) test/vm/arm64.ts $(FILES)
