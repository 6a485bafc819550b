# Tests in which a kubelet has systemd make its pods' cgroups, in a virtual machine: `make test-kubernetes-vm`.

.PHONY: test-kubernetes-vm
test-kubernetes-vm: need-root bin/tsrun build/rootfs/.built $(KUBERNETES_PROGRAMS) $(CONTAINERD_PROGRAMS) $(RUNC)/runc | need-qemu need-debootstrap need-callers ## have a kubelet run pods whose cgroups systemd makes
	@$(IN_TURN) env $(WITH_PROGRAMS) $(BUN) test/kubernetes/vm/run.ts
