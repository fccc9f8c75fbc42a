# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=bash
#
# bash completion for codearenactl(8)

_codearenactl() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local word command='' words=0 i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case $word in
		-r | -c | -l | --root | --count | --length) ((i++)) ;;
		-*) ;;
		*)
			words=$((words + 1))
			[ -n "$command" ] || command=$word
			;;
		esac
	done
	case $prev in
	-r | --root)
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	-c | -l | --count | --length) return ;;
	esac
	case $cur in
	-*)
		mapfile -t COMPREPLY < <(compgen -W '--json --watch --count= --length=
			--root= --help --version' -- "$cur")
		return
		;;
	esac
	case $words/$command in
	0/) mapfile -t COMPREPLY < <(compgen -W 'list show stat disas check perf' -- "$cur") ;;
	1/perf) mapfile -t COMPREPLY < <(compgen -c -- "$cur") ;;
	1/show | 1/stat | 1/disas)
		# Processes that have an arena.
		mapfile -t COMPREPLY < <(compgen -W \
			"$(codearenactl list 2>/dev/null | awk 'NR > 1 { print $1 }')" -- "$cur")
		;;
	esac
} && complete -F _codearenactl codearenactl
