# Tests in which containerd, podman and docker call tsrun: `make test-callers`, or some of them:
# `make test-callers FILES=test/callers/ctr-run.test.ts`.

# Packages by a program of each. They come one by one: one that can't be had costs its own tests alone, and those say
# so. No service is started: the tests start daemons of their own.
CALLERS = containerd:containerd /usr/lib/cni/bridge:containernetworking-plugins podman:podman dockerd:docker.io \
	iptables:iptables ip:iproute2

.PHONY: test-callers need-callers

need-callers:
	@for pair in $(CALLERS); do \
		! command -v $${pair%%:*} >/dev/null || continue; \
		export package=$${pair#*:} SYSTEMD_OFFLINE=1; \
		test "$$(id -u)" = 0 && command -v apt-get >/dev/null && { $(call apt-install,$$package); } || \
			echo "apt-get could not install $$package: see build/apt.log"; \
	done

test-callers: need-root bin/tsrun build/rootfs/.built | need-callers ## let containerd, podman and docker call tsrun
	@$(BUN) test/run.ts $(or $(FILES),$(wildcard test/callers/*.test.ts))

# Limits want controllers of cgroup v2 that this machine may lack.
.PHONY: test-callers-vm
test-callers-vm: need-callers ## let containerd, podman and docker set limits in a virtual machine
	@$(MAKE) --no-print-directory test-vm FILES="$(wildcard test/callers/*limits.test.ts)"
