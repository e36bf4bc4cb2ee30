# Linux for guests that share what they know of files, included by the Makefile.
guest-modules: ; @boot/guest/linux/build $(B)/guest-modules $(KVER) ## build the modules for cache=shared, for the kernels KVER
guest-kernel: ; @tests/setup build kernel && boot/guest/linux/kernel $(B)/guest-kernel ## build a small kernel with all that guests need, for cache=shared
.PHONY: guest-modules guest-kernel
