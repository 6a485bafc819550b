# Packages of other suites of Debian's: `make build/suites/sid/containerd` unpacks sid's containerd there. Nothing of it
# is installed, and this machine's own lists and packages stay as they are. To have it anew, remove the directory.

build/suites/%: | $(INSTALLED)
	@mkdir -p $(@D) && echo "fetching $(@F) of Debian's $(notdir $(@D))" && \
		flock --close $(@D)/.lock $(BUN) test/debian/fetch.ts $(notdir $(@D)) $(@F) $@

# $(call unpack-each,SUITE/PACKAGE …): one that can't be had costs its own tests alone, and those say so.
define unpack-each
@for package in $(1); do \
	$(MAKE) --no-print-directory "build/suites/$$package" || echo "apt-get could not fetch $$package"; \
done
endef
