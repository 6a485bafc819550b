# What is handed out: `make dist` makes archives and Debian packages for x86-64 and arm64, a list of what is in them
# (an SBOM) and checksums, in build/dist. The same sources give the same bytes wherever and whenever they are built with
# the same gcc; Bun is the one that package-lock.json names.

BUN ?= node_modules/.bin/bun
DIST := build/dist
VERSION := $(shell sed -n 's/^  "version": "\(.*\)",/\1/p' package.json)
# How hard xz tries. The bytes depend on it, and not on how many processors there are.
XZ_LEVEL ?= 6
# The time of all files is that of the last commit.
SOURCE_DATE_EPOCH ?= $(shell git -c safe.directory='*' log -1 --format=%ct 2>/dev/null || date -r package.json +%s)
PACKED_AT := --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$(SOURCE_DATE_EPOCH) --format=ustar

# arm64 is compiled on any machine, x86-64 on its own kind.
DIST_MACHINES := $(if $(filter x86_64,$(MACHINE)),x86_64) aarch64
DIST_BINARY_x86_64 := bin/tsrun
DIST_BINARY_aarch64 := bin/tsrun-arm64
DEBIAN_NAME_x86_64 := amd64
DEBIAN_NAME_aarch64 := arm64
DISTRIBUTED := $(foreach machine,$(DIST_MACHINES),tsrun-$(VERSION)-linux-$(machine).tar.xz \
	tsrun_$(VERSION)_$(DEBIAN_NAME_$(machine)).deb tsrun-$(VERSION)-linux-$(machine).cdx.json)

.PHONY: dist need-dist test-packages
need-dist:
	$(call require,dpkg-deb --version && xz --version,dpkg-deb and xz,dpkg xz-utils)

dist: $(foreach machine,$(DIST_MACHINES),dist-$(machine)) ## make archives, Debian packages, SBOMs and checksums in build/dist
	cd $(DIST) && sha256sum $(DISTRIBUTED) >SHA256SUMS

# The man page and completions are the same everywhere, and made by the tsrun of this machine.
dist-%: bin/tsrun $(foreach machine,$(DIST_MACHINES),$(DIST_BINARY_$(machine))) | need-dist
	@rm -rf $(DIST)/$* && mkdir -p $(DIST)/$*
	@$(call dist-tree,$(DIST)/$*/tsrun-$(VERSION),/usr/local)
	@cd $(DIST)/$*/tsrun-$(VERSION) && mv usr/local/* . && rmdir usr/local usr
	@cp LICENSE README.md CHANGELOG.md $(DIST)/$*/tsrun-$(VERSION)
	tar -C $(DIST)/$* $(PACKED_AT) --mode=u=rwX,go=rX -c tsrun-$(VERSION) | xz -T1 -$(XZ_LEVEL) \
		>$(DIST)/tsrun-$(VERSION)-linux-$*.tar.xz
	@$(call dist-tree,$(DIST)/$*/deb,/usr)
	@$(call debian-files,$(DIST)/$*/deb,$(DEBIAN_NAME_$*))
	@find $(DIST)/$*/deb -exec touch -h -d @$(SOURCE_DATE_EPOCH) {} +
	SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) dpkg-deb --root-owner-group -Zxz -z$(XZ_LEVEL) --threads-max=1 --build \
		$(DIST)/$*/deb $(DIST)/tsrun_$(VERSION)_$(DEBIAN_NAME_$*).deb >/dev/null
	$(BUN) packaging/sbom.ts $* $(DIST_BINARY_$*) $(SOURCE_DATE_EPOCH) >$(DIST)/tsrun-$(VERSION)-linux-$*.cdx.json
	@rm -rf $(DIST)/$*

# $(call dist-tree,DIRECTORY,PREFIX): what `make install` brings, with the binary of the target's machine.
define dist-tree
$(MAKE) --no-print-directory install BINARY=$(DIST_BINARY_$*) DESTDIR=$(CURDIR)/$(1) PREFIX=$(2) >/dev/null
endef

# $(call debian-files,DIRECTORY,ARCHITECTURE): what Debian wants besides, see deb(5) and its policy.
define debian-files
mkdir -p $(1)/DEBIAN $(1)/usr/share/doc/tsrun && gzip -9n $(1)/usr/share/man/man8/tsrun.8 && \
gzip -9nc CHANGELOG.md >$(1)/usr/share/doc/tsrun/changelog.gz && \
cp README.md $(1)/usr/share/doc/tsrun && cp packaging/debian/copyright $(1)/usr/share/doc/tsrun && \
cp packaging/debian/postinst packaging/debian/prerm packaging/debian/postrm $(1)/DEBIAN && chmod 755 $(1)/DEBIAN/p* && \
sed 's/@VERSION@/$(VERSION)/; s/@ARCHITECTURE@/$(2)/; s/@SIZE@/'"$$(du -k --apparent-size -s $(1)/usr | cut -f1)"'/' \
	packaging/debian/control >$(1)/DEBIAN/control && \
(cd $(1) && find usr -type f -print0 | LC_ALL=C sort -z | xargs -0 md5sum >DEBIAN/md5sums) && \
chmod -R u=rwX,go=rX $(1)
endef

# The package is installed, runs a pod and is removed in a Debian made for that.
test-packages: need-root dist need-debootstrap build/rootfs/.built ## install the Debian package in a fresh Debian, run a pod, remove it
	@$(BUN) test/run.ts $(wildcard test/packages/*.test.ts)
