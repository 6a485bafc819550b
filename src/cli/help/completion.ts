/**
 * `tsrun completion SHELL`: what a shell needs to ask `tsrun __complete` at every press of the tab key. The answer has
 * a line for each possible word, with a tab and a description; or FILES or DIRECTORIES, which the shell completes
 * itself.
 */

export const SHELLS = ["bash", "zsh", "fish"] as const;

export const FILES = "<files>";
export const DIRECTORIES = "<directories>";

/** bash splits COMP_WORDS at `=` too, and replaces only what follows it. */
const BASH = `# bash completion for tsrun. In ~/.bashrc: source <(tsrun completion bash)
_tsrun() {
  local cur=\${COMP_WORDS[COMP_CWORD]#=}
  mapfile -t COMPREPLY < <(tsrun __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
  case \${COMPREPLY[0]-} in
    '${FILES}') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    '${DIRECTORIES}') compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
    *) COMPREPLY=("\${COMPREPLY[@]%%$'\\t'*}") ;;
  esac
}
complete -F _tsrun tsrun
`;

const ZSH = `#compdef tsrun
# zsh completion for tsrun. In ~/.zshrc, after compinit: source <(tsrun completion zsh)
_tsrun() {
  local -a before=("\${(@Q)words[2,CURRENT-1]}") found
  found=("\${(@f)$(tsrun __complete -- "$before[@]" "\${(Q)PREFIX}" 2>/dev/null)}")
  case $found[1] in
    '${FILES}') compset -P '-*='; _files ;;
    '${DIRECTORIES}') compset -P '-*='; _files -/ ;;
    ?*) found=("\${(@)found//:/\\\\:}"); found=("\${(@)found/$'\\t'/:}"); _describe -t words word found ;;
  esac
}
if [[ $funcstack[1] == _tsrun ]]; then _tsrun "$@"; else compdef _tsrun tsrun; fi
`;

const FISH = `# fish completion for tsrun. In ~/.config/fish/config.fish: tsrun completion fish | source
function __tsrun_complete
    set -l before (commandline --tokenize --cut-at-cursor --current-process)
    set -l word (commandline --current-token --cut-at-cursor)
    set -l flag (string match --regex -- '^-[^=]*=' "$word")
    set -l found (tsrun __complete -- $before[2..] "$word" 2>/dev/null)
    switch "$found[1]"
        case '${FILES}'
            string replace --regex -- '^' "$flag" (__fish_complete_path (string replace -- "$flag" '' "$word"))
        case '${DIRECTORIES}'
            string replace --regex -- '^' "$flag" (__fish_complete_directories (string replace -- "$flag" '' "$word"))
        case '*'
            string join -- \\n $found
    end
end
complete -c tsrun -e
complete -c tsrun -f -a '(__tsrun_complete)'
`;

const SCRIPTS: { readonly [S in (typeof SHELLS)[number]]: string } = { bash: BASH, zsh: ZSH, fish: FISH };

/** The script for a shell, or undefined if there is none for it. */
export function completionScript(shell: string): string | undefined {
  return Object.entries(SCRIPTS).find(([name]) => name === shell)?.[1];
}
