/** The zsh script: one `_arguments` for the global flags, and one for each command. */

import { type CommandName, commandEntry, GLOBAL_FLAGS } from "../grammar/table.ts";
import type { Flag, FlagTable } from "../grammar/table-types.ts";
import { argumentSources, type Source, valueSource } from "./completion-sources.ts";
import { shownFlags } from "./help.ts";

export function zshCompletion(commands: readonly CommandName[]): string {
  const described = commands.map((name) => quoted(`${name}:${commandEntry(name).summary}`));
  return `#compdef tsrun
# zsh completion for tsrun. In ~/.zshrc, after compinit: source <(tsrun completion zsh)

_tsrun_commands() {
  local -a commands=(
    ${described.join("\n    ")}
  )
  _describe -t commands command commands
}

_tsrun_containers() {
  local -a ids=(\${(f)"$(_call_program containers tsrun \${root:+--root=$root} list --quiet 2>/dev/null)"})
  _describe -t containers container ids
}

_tsrun() {
  local curcontext=$curcontext state line root
  local -A opt_args
  _arguments -C -S -A '-*' \\
    ${flagSpecs(GLOBAL_FLAGS).join(" \\\n    ")} \\
    '1:command:_tsrun_commands' \\
    '*:: :->arguments' && return
  [[ $state == arguments ]] || return 1
  root=\${opt_args[--root]}
  case $line[1] in
    ${commands.map((name) => commandCase(name, commands)).join("\n    ")}
  esac
}

if [[ $funcstack[1] == _tsrun ]]; then
  _tsrun "$@"
else
  compdef _tsrun tsrun
fi
`;
}

function commandCase(name: CommandName, commands: readonly CommandName[]): string {
  const { flags, args, flagsFirst } = commandEntry(name);
  const sources = argumentSources(name, commands);
  const positional = args.map((arg, position) => {
    const label = arg.replace(/[[\].]/g, "");
    const which = arg.endsWith("...]") ? "*" : arg.startsWith("[") ? ":" : "";
    return quoted(`${which}:${label}:${action(sources[position] ?? "nothing")}`);
  });
  const help = `'(-h --help)'{-h,--help}'[show help]'`;
  const specs = [...flagSpecs(flags), help, ...positional];
  return `${name}) _arguments -S ${flagsFirst ? "-A '-*' " : ""}\\\n      ${specs.join(" \\\n      ")} ;;`;
}

const flagSpecs = (flags: FlagTable): readonly string[] => shownFlags(flags).map(flagSpec);

/** `'(-b --bundle)'{-b+,--bundle=}'[the bundle]:DIR:_files -/'` */
function flagSpec([name, flag]: readonly [string, Flag]): string {
  const source = valueSource(flag);
  const label = flag.kind === "bool" || flag.kind === "choice" ? name : flag.value;
  const value = source === undefined ? "" : `:${escaped(label)}:${action(source)}`;
  const text = quoted(`[${escaped(flag.summary)}]${value}`);
  const [short, long] = source === undefined ? ["", ""] : ["+", "="];
  const spellings =
    flag.short === undefined ? `--${name}${long}` : `{-${flag.short}${short},--${name}${long}}`;
  if (flag.kind === "strings" || flag.kind === "ints") return `'*'${spellings}${text}`;
  return flag.short === undefined ? `${spellings}${text}` : `'(-${flag.short} --${name})'${spellings}${text}`;
}

function action(source: Source): string {
  if (typeof source !== "string") return `(${source.words.join(" ")})`;
  return { directories: "_files -/", files: "_files", containers: "_tsrun_containers", nothing: " " }[source];
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** For a text inside `[...]` or between colons. */
const escaped = (text: string): string => text.replace(/[[\]:\\]/g, "\\$&");
