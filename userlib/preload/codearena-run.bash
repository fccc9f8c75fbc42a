# SPDX-License-Identifier: LGPL-2.1-or-later
# SPDX-FileCopyrightText: 2026 The codearena authors
# shellcheck shell=bash
#
# bash completion for codearena-run(1)

_codearena_run() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-* | = | strict | emulate | off) ;;
		*)
			# From the program on, the program's own completion.
			if [[ $(type -t _command_offset) == function ]]; then _command_offset "$i"; fi
			return
			;;
		esac
	done
	if [ "$prev" = = ] || [ "$cur" = = ]; then
		mapfile -t COMPREPLY < <(compgen -W "strict emulate off" -- "${cur#=}")
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "--wx=strict --wx=emulate --wx=off --mdwe
			--report --help" -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
	fi
}
complete -o default -F _codearena_run codearena-run
