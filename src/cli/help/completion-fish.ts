/** The fish script: a function that finds out where the cursor is, and one `complete` line for each word. */

import { type CommandName, commandEntry, GLOBAL_FLAGS } from "../grammar/table.ts";
import type { Flag, FlagTable } from "../grammar/table-types.ts";
import { argumentSources, type Source, valueSource } from "./completion-sources.ts";
import { shownFlags } from "./help.ts";

export function fishCompletion(commands: readonly CommandName[]): string {
  const flagsFirst = commands.filter((name) => commandEntry(name).flagsFirst);
  return `# fish completion for tsrun. In ~/.config/fish/config.fish: tsrun completion fish | source

# Flags that take the next word as their value: "COMMAND --flag", or " --flag" for a global one.
set -g __tsrun_valued ${[
    ["", GLOBAL_FLAGS] as const,
    ...commands.map((name) => [name, commandEntry(name).flags] as const),
  ]
    .flatMap(([command, flags]) => valued(command, flags))
    .join(" ")}

# Prints the command before the cursor, the number of its arguments so far, the value of --root.
function __tsrun_place
    set -l command ''
    set -l arguments 0
    set -l root ''
    set -l flag ''
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    for word in $words[2..]
        if test -n "$flag"
            test "$command$flag" = --root; and set root $word
            set flag ''
        else if string match -qr -- '^-.' $word
            string match -q -- '--root=*' "$command$word"; and set root (string replace -- --root= '' $word)
            contains -- "$command $word" $__tsrun_valued; and set flag $word
        else if test -z "$command"
            set command $word
        else
            set arguments (math $arguments + 1)
        end
    end
    printf '%s\\n' "$command" $arguments "$root"
end

# Whether the cursor is behind command $argv[1], with argument $argv[2] (if given) to come.
function __tsrun_at
    set -l place (__tsrun_place)
    test "$place[1]" = "$argv[1]"; or return 1
    test (count $argv) -lt 2; or test $place[2] -eq $argv[2]
end

# Whether a flag of command $argv[1] may stand here.
function __tsrun_flag
    if contains -- "$argv[1]" ${flagsFirst.join(" ")}
        __tsrun_at $argv[1] 0
    else
        __tsrun_at $argv[1]
    end
end

function __tsrun_containers
    set -l root (__tsrun_place)[3]
    if test -n "$root"
        tsrun --root $root list --quiet 2>/dev/null
    else
        tsrun list --quiet 2>/dev/null
    end
end

complete -c tsrun -e
complete -c tsrun -f
${flagLines("", GLOBAL_FLAGS).join("\n")}
${commands.flatMap((name) => commandLines(name, commands)).join("\n")}
`;
}

function commandLines(name: CommandName, commands: readonly CommandName[]): readonly string[] {
  const { summary, flags } = commandEntry(name);
  const places = argumentSources(name, commands).flatMap((source, position) => {
    if (source === "nothing") return [];
    return [`complete -c tsrun -n '__tsrun_at ${name} ${position}' ${offer(source)}`];
  });
  return [
    `complete -c tsrun -n '__tsrun_at ""' -a ${name} -d ${quoted(summary)}`,
    ...flagLines(name, flags),
    `complete -c tsrun -n '__tsrun_flag ${name}' -s h -l help -d 'show help'`,
    ...places,
  ];
}

const flagLines = (command: string, flags: FlagTable): readonly string[] =>
  shownFlags(flags).map(([name, flag]) => flagLine(command, name, flag));

function flagLine(command: string, name: string, flag: Flag): string {
  const place = command === "" ? `__tsrun_at ""` : `__tsrun_flag ${command}`;
  const short = flag.short === undefined ? "" : ` -s ${flag.short}`;
  const source = valueSource(flag);
  const value = source === undefined ? "" : ` ${source === "files" ? "-r" : "-x"} ${offer(source)}`.trimEnd();
  return `complete -c tsrun -n '${place}'${short} -l ${name}${value} -d ${quoted(flag.summary)}`;
}

function offer(source: Source): string {
  if (typeof source !== "string") return `-a '${source.words.join(" ")}'`;
  return {
    directories: "-a '(__fish_complete_directories)'",
    files: "-F",
    containers: "-a '(__tsrun_containers)'",
    nothing: "",
  }[source];
}

const valued = (command: string, flags: FlagTable): readonly string[] =>
  shownFlags(flags)
    .filter(([, flag]) => flag.kind !== "bool")
    .flatMap(([name, flag]) => [
      `'${command} --${name}'`,
      ...(flag.short === undefined ? [] : [`'${command} -${flag.short}'`]),
    ]);

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
