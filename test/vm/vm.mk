# Tests in a virtual machine: `make test-vm`, or some files: `make test-vm FILES=test/vm/memory.test.ts`.
# Two at a time would share their files in build/vm.

BUN ?= node_modules/.bin/bun
IN_TURN = mkdir -p build/vm && flock --close build/vm/lock

.PHONY: test-vm kernel-features test-vm-mishaps need-qemu

need-qemu:
	$(call require,command -v qemu-system-x86_64 && command -v ip && command -v ps && command -v criu && command -v iptables-restore,QEMU and the programs ip and ps and criu and iptables-restore,qemu-system-x86 iproute2 procps criu iptables)

test-vm: bin/tsrun build/rootfs/.built | need-qemu ## run the tests in a virtual machine, with all of cgroup v2
	@$(IN_TURN) $(BUN) test/vm/run.ts $(FILES)

# That a guest which panics, hangs or goes off too early fails, and that Ctrl-C ends QEMU.
test-vm-mishaps: bin/tsrun build/rootfs/.built | need-qemu
	@$(IN_TURN) $(BUN) test/vm/mishaps/mishaps.test.ts

kernel-features: bin/tsrun build/rootfs/.built | need-qemu ## write docs/kernel-features.md of what kernels let containers do
	@$(IN_TURN) $(BUN) test/vm/write-kernel-features.ts
