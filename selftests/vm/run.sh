#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# SPDX-FileCopyrightText: 2026 The codearena authors
#
# Boot a Debian kernel in QEMU (emulated, no root needed), load the module, run a command.
#
# Usage: run.sh [OPTION]... -- COMMAND [ARG]...
#        run.sh [OPTION]... --shell
#
#   --kver KVER       kernel, see `kernel.sh list` (default: $KVER or 6.1)
#   --arch ARCH       x86_64, arm64 or riscv64 (default: $ARCH or x86_64)
#   --smp N           processors (default 2)
#   --mem SIZE        memory (default 1G)
#   --icount          count instructions: repeatable to the digit; one processor
#   --thread KIND     multi (default): a thread per processor; single: take turns,
#                     for code that is changed while another processor runs it
#   --timeout SECONDS end a guest that hangs after this time (default 3600)
#   --stall SECONDS   end it when the command is silent for this long (default: never);
#                     the log then says where the processors were
#   --append ARGS     more kernel arguments
#   --stage DIR       copy DIR's contents over the guest's root; may be repeated
#   --file SRC:DEST   copy one file to the guest path DEST; may be repeated
#   --module FILE     load this module instead of building the tree's
#   --no-module       load none
#   --kernel FILE     boot this image instead of Debian's (with --module or --no-module)
#   --qemu-arg ARG    hand ARG to QEMU; may be repeated
#   --name NAME       name of the logs (default: the command's)
#   --shell           an interactive shell in the guest
#
# The command's output comes out on standard output, and in build/vm/NAME.out;
# the kernel's log goes to build/vm/NAME.log.
#
# Exit status: the command's, or 124 time-out, 125 the guest died or never
# answered, 126 the kernel complained (warning, oops, lockdep, sanitizer) or
# the module could not be loaded or unloaded.

set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "$0")/lib.sh"

complaints='WARNING:|\bBUG:|\bOops\b|KASAN|UBSAN|KCSAN|KFENCE|kmemleak:.*new suspected'
complaints+='|possible recursive locking|possible circular locking|lockdep|INFO: task .* blocked'
complaints+='|inconsistent lock state|suspicious RCU usage|sleeping function called|rcu:.*stall'
complaints+='|RCU stall|general protection|Kernel panic|segfault at|unchecked MSR|bad page state'
complaints+='|soft lockup|hard LOCKUP|refcount_t:|list_(add|del) corruption|scheduling while atomic'
# The kernel does not survive these (oops=panic).
deaths='\bOops\b|Kernel panic|int3: 0000|general protection fault'

kver=${KVER:-6.1} arch=${ARCH:-x86_64} smp=2 mem=1G icount='' thread=multi timeout=3600 stall=0 append=''
module=build kernel='' release='' name='' shell='' qemu_args=() image_args=()

value() { [ $# -ge 2 ] || die "option $1 needs a value; see --help"; }

while [ $# -gt 0 ]; do
	case $1 in
	--kver | --arch | --smp | --mem | --thread | --timeout | --stall | --append | --module | --kernel | --name)
		value "$@"
		printf -v "${1#--}" %s "$2"
		shift 2
		;;
	--stage | --file) value "$@"; image_args+=("$1" "$2"); shift 2 ;;
	--qemu-arg) value "$@"; qemu_args+=("$2"); shift 2 ;;
	--icount) icount=yes; shift ;;
	--no-module) module=; shift ;;
	--shell) shell=yes; shift ;;
	-h | --help) usage; exit 0 ;;
	--) shift; break ;;
	*) die "no option '$1'; see --help" ;;
	esac
done
[ -n "$shell" ] || [ $# -gt 0 ] || die "no command; see --help"
[ -n "$name" ] || name=${shell:+shell-}$kver-$arch${1:+-$(basename "${1%% *}")}

logs=$root_dir/build/vm
log=$logs/$name.log out_log=$logs/$name.out
mkdir -p "$logs"
work=$(mktemp -d "${TMPDIR:-/tmp}/codearena-vm.XXXXXX")
watchers=()
# shellcheck disable=SC2317 # called by the trap
cleanup() {
	[ ${#watchers[@]} -eq 0 ] || kill "${watchers[@]}" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# A script for the guest's busybox sh that runs the arguments as they are.
write_command() {
	local arg quote="'\\''"
	echo "exec 3>&-"
	for arg in "$@"; do printf "'%s' " "${arg//\'/$quote}"; done
	echo
}

prepare() {
	case $arch in
	x86_64) need qemu-system-x86_64 vm ;;
	arm64) need qemu-system-aarch64 arm64 ;;
	riscv64) need qemu-system-riscv64 riscv64 ;;
	*) die "architecture $arch is not supported; see kernel.sh list" ;;
	esac
	if [ "$module" = build ]; then
		# First: the messages of a long download are shown.
		"$vm_dir/kernel.sh" headers "$kver" "$arch" >/dev/null
		say "building the module for $kver $arch"
		if ! module=$("$vm_dir/build-module.sh" "$kver" "$arch" 2>"$logs/$name.build"); then
			cat "$logs/$name.build" >&2
			die "the module does not build for $kver $arch"
		fi
	fi
	if [ -z "$kernel" ]; then
		kernel=$("$vm_dir/kernel.sh" image "$kver" "$arch")/vmlinuz
		release=$("$vm_dir/kernel.sh" release "$kver" "$arch")
	fi
	if [ -n "$module" ]; then image_args+=(--module "$module"); fi
	write_command "$@" >"$work/command"
	"$vm_dir/mkinitramfs.sh" --arch "$arch" "${image_args[@]}" \
		--file "$work/command:/command" "$work/initrd"
}

# Sets the array qemu.
qemu_command() {
	local cpu machine console out status kargs accel
	case $arch in
	x86_64)
		qemu=(qemu-system-x86_64)
		machine=q35 cpu=max console=ttyS0 out=ttyS1 status=ttyS2
		append="unknown_nmi_panic $append"
		# The kernel forgets the processor's features for a moment when it boots. With
		# page tables of five levels KASAN then complains of any access that an
		# interrupt makes, and where emulation is slow there is one.
		[[ $kver != debug* ]] || append="no5lvl $append"
		;;
	arm64)
		qemu=(qemu-system-aarch64)
		machine=virt cpu=max,pauth-impdef=on console=ttyAMA0 out=ttyS0 status=ttyS1
		;;
	riscv64)
		qemu=(qemu-system-riscv64)
		machine=virt cpu=rv64 console=ttyS0 out=ttyS1 status=ttyS2
		;;
	esac
	kargs="console=$console loglevel=5 panic=-1 oops=panic printk.devkmsg=on"
	if [ -n "$icount" ]; then
		smp=1 accel=tcg
		kargs+=" nokaslr random.trust_cpu=off"
		case $arch in
		x86_64) cpu+=,-erms,-fsrm,-rdrand,-rdseed ;;
		# Without random numbers from the processor or from QEMU.
		arm64) machine+=,dtb-randomness=off cpu=neoverse-n1 ;;
		esac
		qemu+=(-icount "shift=0,sleep=off" -rtc "base=2026-01-01,clock=vm")
	else
		accel="tcg,thread=$thread"
		# An emulated processor that a busy machine holds up for half a minute is no
		# lockup of the kernel.
		kargs+=" watchdog_thresh=60 rcupdate.rcu_cpu_stall_timeout=240"
		kargs+=" workqueue.watchdog_thresh=240 sysctl.kernel.hung_task_timeout_secs=600"
	fi
	kargs+=" codearena_vm.out=$out codearena_vm.status=$status"
	kargs+=" codearena_vm.mode=${shell:+shell}"
	qemu+=(-M "$machine" -cpu "$cpu" -smp "$smp" -m "$mem" -accel "$accel"
		-nodefaults -no-user-config -display none -no-reboot
		-kernel "$kernel" -initrd "$work/initrd"
		-chardev "file,id=log,path=$log"
		-chardev "stdio,id=out,signal=off,logfile=$out_log"
		-chardev "file,id=status,path=$work/status"
		-chardev "pipe,id=monitor,path=$work/monitor" -mon chardev=monitor
		-serial chardev:log)
	case $arch in
	x86_64) qemu+=(-serial chardev:out -serial chardev:status) ;;
	arm64 | riscv64)
		qemu+=(-device "pci-serial,chardev=out" -device "pci-serial,chardev=status")
		;;
	esac
	qemu+=(-append "$kargs${append:+ $append}" "${qemu_args[@]}")
}

# Say when the guest is up; show life while it is not.
watch_boot() {
	local start=$SECONDS
	while ! grep -qs '^up' "$work/status"; do
		sleep 0.2
		if [ $(((SECONDS - start) % 15)) -eq 14 ]; then
			say "still booting, $((SECONDS - start))s"
			sleep 1
		fi
	done
	say "$kver $arch is up after $((SECONDS - start))s"
}

# End a guest whose command has stopped printing, or whose kernel died without a panic.
# The registers of its processors go to the log, and the kernel's own dump if it still
# makes one.
watch_stall() {
	local size=-1 seen since=$SECONDS limit=$stall
	while sleep 2; do
		seen=$(stat -c %s "$out_log")
		if [ "$limit" -eq "$stall" ] && grep -aqE "$deaths" "$log"; then
			limit=20 since=$SECONDS
		elif [ "$seen" != "$size" ]; then
			size=$seen since=$SECONDS
		elif [ $((SECONDS - since)) -ge "$limit" ]; then
			: >"$work/stalled"
			printf 'info registers -a\nnmi\n' >"$work/monitor.in"
			sleep 10
			echo quit >"$work/monitor.in"
			return
		fi
	done
}

boot() {
	mkfifo "$work/monitor.in" "$work/monitor.out"
	cat "$work/monitor.out" >"$work/monitor.log" &
	watchers+=($!)
	: >"$work/status"
	: >"$log"
	: >"$out_log"
	say "booting $kver $arch: ${release:-$kernel}"
	watch_boot &
	watchers+=($!)
	if [ "$stall" -gt 0 ]; then
		watch_stall &
		watchers+=($!)
	fi
	if [ -n "$shell" ]; then
		say "leave the shell with 'exit'"
		"${qemu[@]}"
	else
		timeout --foreground -k 5 "$timeout" "${qemu[@]}" </dev/null
	fi
}

prepare "$@"
qemu_command
code=0
boot || code=$?
if [ -e "$work/stalled" ]; then
	say "the guest fell silent; its processors' registers are at the end of $log"
	tr -d '\r' <"$work/monitor.log" >>"$log"
	code=124
fi

# The result that the guest reported.
read -r word number < <(tr -d '\r' <"$work/status" | grep -E '^(exit|rmmod-failed|insmod-failed)' | tail -n 1) || true
complaining=$(grep -aE -A 9 "$complaints" "$log" || true)
if [ -n "$complaining" ]; then
	say "the kernel complained:"
	# As words of this script, so that summaries of a failed check show them.
	printf '%s\n' "$complaining" | head -n 40 | sed "s/^/$me: /" >&2
	say "the whole log: $log"
	exit 126
fi
case ${word-} in
exit) exit "$number" ;;
rmmod-failed) say "the module could not be unloaded; log: $log"; exit 126 ;;
insmod-failed) say "the module could not be loaded; log: $log"; tail -n 5 "$log" >&2; exit 126 ;;
esac
if [ "$code" -eq 124 ] || [ "$code" -eq 137 ]; then
	say "timed out after ${timeout}s; log: $log"
	exit 124
fi
say "the guest ended without a result (QEMU: $code); log: $log"
tail -n 20 "$log" >&2
exit 125
