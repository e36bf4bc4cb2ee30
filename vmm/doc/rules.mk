# The manual page and shell completions, made from the tables of options.
DOC := $(B)/vmm/doc
DOCS := $(DOC)/wherry.1 $(DOC)/wherry.bash $(DOC)/_wherry

$(DOC)/gen: $(DOC)/gen.o $(B)/libwherry.a
	$(call say,LINK,$@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)
$(DOC)/wherry.1: vmm/doc/wherry.1.in $(DOC)/gen ; $(Q)$(DOC)/gen man $< >$@
$(DOC)/wherry.bash: $(DOC)/gen ; $(Q)$< bash >$@
$(DOC)/_wherry: $(DOC)/gen ; $(Q)$< zsh >$@

docs: $(DOCS) ## make the manual page and completions of shells
install-docs: $(DOCS)
	install -D -m 644 $(DOC)/wherry.1 $(DESTDIR)$(prefix)/share/man/man1/wherry.1
	install -D -m 644 $(DOC)/wherry.bash $(DESTDIR)$(prefix)/share/bash-completion/completions/wherry
	install -D -m 644 $(DOC)/_wherry $(DESTDIR)$(prefix)/share/zsh/site-functions/_wherry

.PHONY: docs install-docs
