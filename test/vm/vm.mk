# Tests in a virtual machine: `make test-vm`, `make test-vm FILES="test/vm/memory.test.ts"`.

BUN ?= node_modules/.bin/bun

.PHONY: test-vm
test-vm: bin/tsrun build/rootfs/.built
	$(BUN) test/vm/run.ts $(FILES)
