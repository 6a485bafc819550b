# Tests in which a real kubelet, and critest, have containerd call tsrun: `make test-kubernetes`, `make test-critest`.
#
# Go builds their programs out of the modules in test/kubernetes/programs, which name the versions of all that goes into
# them, and their sums. That takes a quarter of an hour of 2 cores once: they are kept where other projects' caches are.

# `make clean` leaves it. A directory of it is for one set of versions, and may be removed.
KUBERNETES_CACHE ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/tsrun
PROGRAMS := test/kubernetes/programs

# $(call version,PROGRAMS,MODULE), and $(call cached,PROGRAMS,MODULE): where that version's programs are.
version = $(shell sed -n 's|^\(require\)\?[[:space:]]*$(2) \(v[^ ]*\).*|\2|p' $(PROGRAMS)/$(1)/go.mod)
cached = $(KUBERNETES_CACHE)/$(1)-$(call version,$(1),$(2))-$(shell sha256sum $(PROGRAMS)/$(1)/go.sum | cut -c1-12)

KUBERNETES := $(call cached,kubernetes,k8s.io/kubernetes)
CRI_TOOLS := $(call cached,cri-tools,sigs.k8s.io/cri-tools)
CONTAINERD := $(call cached,containerd,github.com/containerd/containerd/v2)
# Debian 12's has no user namespaces for pods yet.
RUNC := $(call cached,runc,github.com/opencontainers/runc)

KUBERNETES_PROGRAMS := $(addprefix $(KUBERNETES)/,etcd kube-apiserver kube-controller-manager kube-scheduler kubectl kubelet) \
	$(CRI_TOOLS)/crictl
CRITEST_PROGRAMS := $(CRI_TOOLS)/critest $(CRI_TOOLS)/ginkgo
CONTAINERD_PROGRAMS := $(addprefix $(CONTAINERD)/,containerd containerd-shim-runc-v2 ctr)

# Where tests find them.
WITH_PROGRAMS := PATH="$(KUBERNETES):$(CRI_TOOLS):$$PATH" CONTAINERD_2="$(CONTAINERD)" RUNC="$(RUNC)/runc"

# Go's own downloads of other Gos are left out: what this machine has is new enough, or one line says that it isn't.
GO_NEEDED = $(shell sed -n 's/^go //p' $(PROGRAMS)/*/go.mod | sort --version-sort | tail -n 1)
define need-go
@found="$$(GOTOOLCHAIN=local go env GOVERSION 2>/dev/null)"; \
printf '%s\n' "go$(GO_NEEDED)" "$$found" | sort --version-sort --check=silent || { \
	echo "the programs of Kubernetes are built by Go $(GO_NEEDED) or newer: here is $${found:-none}" >&2; exit 1; }
endef

# $(call go,build|test -c,PROGRAMS,PACKAGE,VARIABLE=VALUE …,LINKER'S FLAGS): without C, unless the linker is told of it.
# Renamed into place, so that what is there is whole.
define go
$(need-go)
@mkdir -p $(@D) && echo "go $(1) $(3)" && cd $(PROGRAMS)/$(2) && CGO_ENABLED=$(if $(5),1,0) GOTOOLCHAIN=local nice -n 19 \
	go $(1) -trimpath -ldflags "-s -w $(addprefix -X ,$(4)) $(5)" -o $@.new $(3) && mv $@.new $@
endef

# `1.37` of v1.37.2 in two words.
KUBERNETES_VERSION = $(call version,kubernetes,k8s.io/kubernetes)
KUBERNETES_RELEASE = $(subst ., ,$(patsubst v%,%,$(KUBERNETES_VERSION)))
KUBERNETES_VARIABLES = $(addprefix k8s.io/component-base/version.,gitVersion=$(KUBERNETES_VERSION) \
	gitMajor=$(word 1,$(KUBERNETES_RELEASE)) gitMinor=$(word 2,$(KUBERNETES_RELEASE)))

$(KUBERNETES)/etcd:
	$(call go,build,kubernetes,go.etcd.io/etcd/server/v3)
$(KUBERNETES)/%:
	$(call go,build,kubernetes,k8s.io/kubernetes/cmd/$*,$(KUBERNETES_VARIABLES))

CRI_TOOLS_VARIABLES = sigs.k8s.io/cri-tools/pkg/version.Version=$(call version,cri-tools,sigs.k8s.io/cri-tools)
# Runs critest's tests side by side.
$(CRI_TOOLS)/ginkgo:
	$(call go,build,cri-tools,github.com/onsi/ginkgo/v2/ginkgo)
$(CRI_TOOLS)/critest:
	$(call go,test -c,cri-tools,sigs.k8s.io/cri-tools/cmd/critest,$(CRI_TOOLS_VARIABLES))
$(CRI_TOOLS)/%:
	$(call go,build,cri-tools,sigs.k8s.io/cri-tools/cmd/$*,$(CRI_TOOLS_VARIABLES))

CONTAINERD_MODULE = github.com/containerd/containerd/v2
$(CONTAINERD)/%:
	$(call go,build,containerd,$(CONTAINERD_MODULE)/cmd/$*,$(CONTAINERD_MODULE)/version.Version=$(call version,containerd,$(CONTAINERD_MODULE)))

# A static one, which asks nothing of the machine's libraries.
$(RUNC)/runc:
	$(call require,$(HAS_LIBSECCOMP),a compiler and libseccomp,gcc libc6-dev libseccomp-dev pkg-config)
	$(call go,build -tags "seccomp netgo osusergo",runc,github.com/opencontainers/runc,,-linkmode external -extldflags -static)
HAS_LIBSECCOMP = $(CC) -E -include seccomp.h -x c /dev/null && test -e "$$($(CC) -print-file-name=libseccomp.a)" && pkg-config libseccomp

.PHONY: kubernetes-programs test-kubernetes test-critest
kubernetes-programs: $(KUBERNETES_PROGRAMS) $(CONTAINERD_PROGRAMS) $(RUNC)/runc $(CRITEST_PROGRAMS)

test-kubernetes: need-root bin/tsrun build/rootfs/.built $(KUBERNETES_PROGRAMS) $(CONTAINERD_PROGRAMS) $(RUNC)/runc | need-callers ## have a real kubelet run pods with tsrun
	@$(WITH_PROGRAMS) $(BUN) test/run.ts $(or $(FILES),$(wildcard test/kubernetes/*.test.ts))

# What images' shells are: see test/kubernetes/critest/dynamic-busybox.ts.
DEBIAN_RELEASE := $(shell sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)

# The files run one after another: each has two runtimes tested, by two tests at once.
test-critest: need-root bin/tsrun build/rootfs/.built $(CONTAINERD_PROGRAMS) $(RUNC)/runc $(CRITEST_PROGRAMS) build/suites/$(DEBIAN_RELEASE)/busybox | need-callers ## put tsrun and runc to the conformance tests of the CRI
	@$(WITH_PROGRAMS) RUNS=$(or $(RUNS),cold) $(BUN) test/run.ts $(or $(FILES),$(wildcard test/kubernetes/critest/*.test.ts))

# Beside a tsrun that serves; BENCH_RUNC and BENCH_CRUN as for `make bench`.
.PHONY: bench-pods
bench-pods: need-root bin/tsrun build/rootfs/.built | need-callers ## measure how long pods take to start with tsrun, crun and runc
	@RUNS=warm $(if $(BENCH_RUNC),RUNC="$(BENCH_RUNC)") $(if $(BENCH_CRUN),CRUN="$(BENCH_CRUN)") $(BUN) test/run.ts test/kubernetes/bench/pod-start.test.ts
