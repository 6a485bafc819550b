# Tests in which containerd, CRI-O's conmon, podman and docker call tsrun: `make test-callers`, or some of them:
# `make test-callers FILES=test/callers/ctr-run.test.ts`.

# The tests start daemons of their own.
CALLERS = containerd:containerd ctr:containerd /usr/lib/cni/bridge:containernetworking-plugins podman:podman \
	conmon:conmon dockerd:docker.io docker:docker-cli iptables:iptables ip:iproute2

.PHONY: test-callers need-callers

need-callers:
	$(call install-each,$(CALLERS))
	$(call unpack-each,sid/containerd)

test-callers: need-root bin/tsrun build/rootfs/.built | need-callers ## let containerd, podman and docker call tsrun
	@$(BUN) test/run.ts $(or $(FILES),$(wildcard test/callers/*.test.ts))

# Limits want controllers of cgroup v2 that this machine may lack.
.PHONY: test-callers-vm
test-callers-vm: need-callers ## let containerd, podman and docker set limits in a virtual machine
	@$(MAKE) --no-print-directory test-vm FILES="$(wildcard test/callers/*limits.test.ts)"
