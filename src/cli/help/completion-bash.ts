/**
 * The bash script: functions that know the table, in the shape of `case` statements, and one that
 * walks the words before the cursor and asks them.
 */

import { type CommandName, commandEntry, GLOBAL_FLAGS } from "../grammar/table.ts";
import type { FlagTable } from "../grammar/table-types.ts";
import { argumentSources, type Source, valueSource } from "./completion-sources.ts";
import { shownFlags } from "./help.ts";

export function bashCompletion(commands: readonly CommandName[]): string {
  const tables: readonly (readonly [command: string, flags: FlagTable])[] = [
    ["", GLOBAL_FLAGS],
    ...commands.map((name) => [name, commandEntry(name).flags] as const),
  ];
  const flagCases = tables.map(([command, flags]) => `'${command}') words='${flagWords(command, flags)}' ;;`);
  const valueCases = tables.flatMap(([command, flags]) =>
    shownFlags(flags).flatMap(([name, flag]) => {
      const source = valueSource(flag);
      if (source === undefined) return [];
      const short = flag.short === undefined ? "" : `|'${command} -${flag.short}'`;
      return [`'${command} --${name}'${short}) source=${quoted(source)} ;;`];
    }),
  );
  const argumentCases = commands.flatMap((name) =>
    argumentSources(name, commands).map(
      (source, position) => `'${name} ${position}') source=${quoted(source)} ;;`,
    ),
  );
  const flagsFirst = commands.filter((name) => commandEntry(name).flagsFirst);
  return `# bash completion for tsrun. In ~/.bashrc: source <(tsrun completion bash)

# The flags of command $1, or the global ones.
_tsrun_flags() {
  case $1 in
    ${flagCases.join("\n    ")}
  esac
}

# Where the value of flag $2 of command $1 comes from; empty for a flag without one.
_tsrun_value() {
  case "$1 $2" in
    ${valueCases.join("\n    ")}
  esac
}

# Where argument $2 of command $1 comes from.
_tsrun_argument() {
  case "$1 $2" in
    ${argumentCases.join("\n    ")}
  esac
}

_tsrun() {
  local cur=\${COMP_WORDS[COMP_CWORD]} previous='' command='' flag='' flags_end='' args=0
  local source='' words='' word i
  local -a root=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]} previous=\${COMP_WORDS[i - 1]}
    if [[ $word == '=' ]]; then
      continue # bash sees three words in --flag=value
    elif [[ -n $flag ]]; then
      [[ -z $command && $flag == --root ]] && root=(--root "$word")
      flag=''
    elif [[ $previous == '=' ]]; then
      continue
    elif [[ -z $flags_end && $word == -- ]]; then
      flags_end=yes
    elif [[ -z $flags_end && $word == -?* ]]; then
      [[ $word == -[!-]?* ]] && word=-$word
      source=''
      _tsrun_value "$command" "$word"
      flag=\${source:+$word}
    elif [[ -z $command ]]; then
      command=$word flags_end=''
    else
      args=$((args + 1))
      [[ ' ${flagsFirst.join(" ")} ' == *" $command "* ]] && flags_end=yes
    fi
  done
  previous=\${COMP_WORDS[COMP_CWORD - 1]}
  if [[ $cur == '=' ]]; then cur='' previous='='; fi

  COMPREPLY=()
  if [[ -z $flag ]]; then
    source=''
    if [[ $previous == '=' ]]; then
      source='true false'
    elif [[ $cur == -* && -z $flags_end ]]; then
      _tsrun_flags "$command"
      source=$words
    elif [[ -z $command ]]; then
      source='${commands.join(" ")}'
    else
      _tsrun_argument "$command" "$args"
    fi
  fi
  case $source in
    '' | '<nothing>') ;;
    '<directories>') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    '<files>') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    '<containers>')
      mapfile -t COMPREPLY < <(compgen -W "$(tsrun "\${root[@]}" list --quiet 2>/dev/null)" -- "$cur")
      ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$source" -- "$cur") ;;
  esac
}
complete -F _tsrun tsrun
`;
}

const flagWords = (command: string, flags: FlagTable): string =>
  [...shownFlags(flags).map(([name]) => `--${name}`), ...(command === "" ? [] : ["--help"])].join(" ");

/** `'<files>'` or `'table json'`. */
const quoted = (source: Source): string =>
  typeof source === "string" ? `'<${source}>'` : `'${source.words.join(" ")}'`;
