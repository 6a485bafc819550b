/**
 * The longer texts of help and the man page. They are not in the table, so that only these two load them. A blank line
 * ends a paragraph; lines are refilled to the reader's width.
 */
import type { CommandName } from "./table.ts";

type Description = {
  readonly text: string;
  /** A command line, and a description of it. */
  readonly examples?: readonly (readonly [line: string, what: string])[];
};

export const ABOUT = `
tsrun runs containers as the Open Container Initiative (OCI) describes them, with the command line of
runc(8). It is made to be called by containerd, CRI-O, podman or docker, and can be used by hand.

A container is made from a bundle: a directory with a config.json, which says what to run and how to
confine it, and with the root file system that config.json names.`;

export const DESCRIPTIONS: { readonly [C in CommandName]: Description } = {
  create: {
    text: `
Makes the container that the bundle's config.json describes: its namespaces, its cgroup, its mounts and
its limits. ID names it and must be unique under --root. The process does not run yet: everything is
ready up to its first instruction, which "start" lets it execute. The hooks that come before it run now.

With process.terminal in config.json, --console-socket is needed: the terminal is sent there.

The annotation org.tsrun.landlock confines the process by a Landlock policy. With org.tsrun.landlock.strict=true, a
part of the policy that this kernel lacks is an error. Experimental; docs/security.md has the format.`,
    examples: [["tsrun create --bundle /srv/web --pid-file /run/web.pid web", "create the container web"]],
  },
  start: {
    text: `
Lets the process of a created container execute its program, and returns when that has happened. If the
program cannot be executed, the reason is printed and the container is stopped.`,
  },
  run: {
    text: `
Does what "create", "start" and, at the end of the process, "delete" do. Standard input, output and
error are the process's own, or its terminal is connected to the caller's. Signals are passed on, and the
exit status is the process's: 128 and the signal's number if a signal ended it.

With --detach, returns as soon as the process runs; delete the container when it has ended. The process
keeps tsrun's standard streams, unless --output names a file for its output.`,
    examples: [
      ["tsrun run --bundle /srv/web web", "run the container in the foreground"],
      ["tsrun run --detach --output /var/log/web.log --bundle /srv/web web", "run it in the background"],
    ],
  },
  state: {
    text: `
Prints the state as the runtime specification defines it: id, status (creating, created, running, paused
or stopped), pid in the caller's pid namespace, bundle and annotations. For a stopped container "ended" says why, if
that is known: if "run --keep" has waited for its end, if its parent has not asked for its status yet, or if it ran
out of memory.`,
  },
  kill: {
    text: `
SIGNAL is a number or a name, with or without SIG, in upper or lower case. The signal goes to the container's
init process, or with --all to all of its processes.`,
    examples: [
      ["tsrun kill web", "ask the process to end"],
      ["tsrun kill --all web KILL", "end everything in the container"],
    ],
  },
  delete: {
    text: `
Removes the cgroup and the state of a stopped container, and runs its poststop hooks. With --force, a
container that still runs is killed first, and one that does not exist is no error.`,
  },
  list: {
    text: `
Lists id, pid, status, bundle, time of creation and owner of every container under --root.

With --tree, containers that share a network, IPC, UTS or PID namespace are grouped as a pod, the sandbox first. Each
line shows uptime, memory, number of processes, command, the namespaces that are shared and with whom, and why a
stopped container has stopped, if that is known. --format dot and svg draw the same; json is for programs.

With --all-roots, also lists the containers of tsrun, runc and crun below /run/tsrun, /run/runc, /run/crun,
/run/containerd/runc, /run/docker/runtime-*, and $XDG_RUNTIME_DIR (root: every user's). What cannot be read is a
warning.`,
    examples: [
      ["tsrun --root /run/containerd/runc/k8s.io list", "list what containerd has started"],
      ["tsrun list --tree --all-roots", "show all pods of the machine"],
      ["tsrun list --pod web --format svg >pod.svg", "draw the pod that web is in"],
    ],
  },
  exec: {
    text: `
Runs COMMAND in the container's namespaces and cgroup. User, environment, working directory and capabilities are
those of the container's own process, unless flags change them. Flags end at ID: all that follows it is COMMAND and
its arguments.

Instead of COMMAND, --process names a file with a process object as in config.json.

For a shell in an image that has none, --tools names a directory of the host with static programs, such as busybox.
Only this process sees it, read-only, at /.tools or --at, and first in PATH; neither the container nor the image
changes.

To enter a container of another runtime, --pid names a process in it, and COMMAND takes the place of ID. The new
process is confined as that one is: capabilities, no_new_privs, seccomp filter, labels, limits, cgroup.`,
    examples: [
      ["tsrun exec --tty web sh", "a shell in the container"],
      ["tsrun exec --env LANG=C --user 1000:1000 web id", "a command as another user"],
      ["tsrun exec --tty --tools /srv/busybox web sh", "a shell, if the image has none"],
      [
        "tsrun exec --tools /srv/busybox --pid $(runc state web | jq .pid) sh",
        "the same in runc's container",
      ],
    ],
  },
  ps: {
    text: `
Prints the table of ps(1) with the given options (default: -ef), with only the container's processes. The
pids are those of the caller's PID namespace.`,
    examples: [["tsrun ps web -o pid,rss,args", "choose the columns"]],
  },
  pause: {
    text: `
Freezes the container's cgroup: its processes stop until "resume".`,
  },
  resume: { text: `Lets the processes of a paused container go on.` },
  update: {
    text: `
Changes only the given limits. They last as long as the container: config.json stays as it is.
Sizes may have a unit, k, m, g, t or p, in powers of 1024.`,
    examples: [
      ["tsrun update --memory 512M --pids-limit 100 web", "limit memory and processes"],
      [
        `echo '{"cpu":{"quota":50000,"period":100000}}' | tsrun update --resources - web`,
        "give it half a CPU",
      ],
    ],
  },
  mounts: {
    text: `
"add" makes the mounts that FILE lists, in their order, in a container that already exists. It is as if they were in
config.json: any type, the same options, sources relative to the bundle. If one fails, none stays. "remove" unmounts
what is at the destinations in FILE, config.json's own mounts too; open files stay usable. "list" shows which mounts
the container should have, and whether they are still there.

FILE has a JSON list of mounts as in config.json, or an object with that list as "mounts"; - is standard input.
The bundle's config.json stays as it is; list, verify, checkpoint and restore know of the change.`,
    examples: [
      [
        `echo '[{"destination":"/data","type":"bind","source":"/srv/data","options":["rbind","ro"]}]' | tsrun mounts add web -`,
        "a directory of the host, read-only",
      ],
      ["tsrun mounts list web", "all mounts, and where they come from"],
      [`echo '[{"destination":"/data"}]' | tsrun mounts remove web -`, "take it away again"],
    ],
  },
  logs: {
    text: `
Prints the file that --output of "create", "run" or "restore" has named, also after the container has ended.
With --follow, goes on to print what is added, until the container's init process has ended.`,
    examples: [["tsrun logs --follow web", "see what the container web prints"]],
  },
  verify: {
    text: `
Looks at a running container from outside and compares it with config.json, property by property: user, capabilities,
seccomp, labels, limits, namespaces, id mappings, mounts and their flags, masked and read-only paths, devices, sysctls.
It changes nothing. Each difference is one line: the property's path in config.json, what was found, and what was asked
for. What the program may have changed itself, such as its working directory, is listed last and is no difference.

ID is a container of tsrun's, which is compared with the config.json of its bundle. For a container of runc, crun or
containerd, give the pid of its init process and its bundle.

Ends with status 0 when all is as asked, 1 when something differs, 2 when that could not be told.`,
    examples: [
      ["tsrun verify web", "is the container web still what its bundle says?"],
      ["tsrun verify --pid $(cat /run/web.pid) --bundle /srv/web", "ask that of another runtime's container"],
      [
        "tsrun verify --json web | jq '.findings[] | select(.state == \"differs\")'",
        "the differences, for programs",
      ],
    ],
  },
  why: {
    text: `
Says why a container hangs, or why it has stopped. If its creation or a command on it does not return: the
step, the system call and the property of config.json in which it waits, since when, and the kernel function;
or the hook, lock, systemd job or frozen cgroup that it waits for. If it has stopped: its exit status or
signal, the memory limit that was met, and who had tsrun send the signal.

Also finds the containers of runc and crun, such as those of containerd, podman and docker. The same line goes
to --log if a creation, a start or an exec takes longer than ten seconds, or is told to end. With a time such as
100s in $TSRUN_PATIENCE, a creation that takes longer fails with that line, and is undone.`,
    examples: [["tsrun why web", "find out what web waits for"]],
  },
  events: {
    text: `
Prints one JSON object per line: the statistics of the container's cgroup every --interval, and a message
when it runs out of memory. Ends with the container.`,
  },
  checkpoint: {
    text: `
Saves memory, open files and everything else of the container's processes with criu(8), which must be in
PATH, then deletes the container. "restore" brings them back. Without --image-path the images are in
./checkpoint. If criu refuses, the container goes on running, and criu's reason is printed. At a terminal,
standard error shows the progress.`,
    examples: [
      ["tsrun checkpoint --image-path /var/tmp/web web", "save the container web and end it"],
      ["tsrun checkpoint --leave-running --tcp-established web", "save it and let it go on"],
    ],
  },
  restore: {
    text: `
Makes a new container, named ID, from what "checkpoint" has saved. The bundle must be the old container's, or
one like it: mounts from the host, limits, hooks and joined namespaces are those of its config.json. Then goes
on like "run": waits for the process, or returns at once with --detach.`,
    examples: [["tsrun restore --detach --image-path /var/tmp/web --bundle /srv/web web", "bring web back"]],
  },
  spec: {
    text: `
Writes a config.json that runs COMMAND, or a shell, in the bundle's directory rootfs or in --rootfs. Edit it as
you like. If there is a config.json already, that is an error, and it stays as it is. Flags end at COMMAND.

--mount adds a mount, in docker's syntax. Fields are separated by commas: type (bind or tmpfs), source, target,
readonly; for a bind mount also bind-propagation and bind-nonrecursive, for a tmpfs tmpfs-size and tmpfs-mode. A
bind mount is recursive.`,
    examples: [
      ["tsrun spec --bundle /srv/web", "start a new bundle"],
      [
        "tsrun spec --rootfs /srv/busybox --no-terminal --mount type=bind,source=/srv/www,target=/www,readonly -- httpd -f -h /www",
        "one that serves a directory",
      ],
    ],
  },
  unpack: {
    text: `
Unpacks the layers of IMAGE into the directory rootfs of the new directory BUNDLE, and writes a config.json that runs
what the image's configuration says. IMAGE is an OCI image layout, as a directory or a tar archive, or an archive of
"docker save" or "podman save"; "-" is standard input. Every digest is checked, and no entry of a layer can lead out of
BUNDLE. A failure leaves nothing behind. Only its owner may enter BUNDLE (mode 0700), as a rootfs may have set-user-ID
programs.

With --rootless, an ordinary user unpacks in a user namespace with the ids that /etc/subuid and /etc/subgid grant, and
the container gets the same id mappings. If they grant none, all files belong to the user.`,
    examples: [
      ["docker save nginx | tsrun unpack - /srv/web", "a bundle from what docker has"],
      ["tsrun unpack --platform linux/arm64 --tag 3.20 images/ /srv/box", "one of several images"],
    ],
  },
  validate: {
    text: `
Checks config.json against the runtime specification, and for what would fail later. Each error is one
line: the property, and what to change. Nothing is started.`,
  },
  check: {
    text: `
Tries what containers need from this machine, feature by feature, in temporary processes. Shows what is missing
(the kernel or the machine does not have it) or forbidden (this user may not use it), which system call failed
with which errno, and what in a config.json is impossible without the feature. With --all, and in all formats
but the table, also shows what works and what could not be tried. Nothing is left behind, except modules that the
kernel loads by itself. Ordinary users may run it too; many features are forbidden to them.

Ends with status 0 if containers can run, that is, if everything works that the config.json written by
"spec" needs; else with 1.

With --bundle, tries what this bundle needs, and lists the lines of its config.json that this machine
cannot honour. Ends with status 0 if there are none, else with 1.`,
    examples: [
      ["tsrun check", "can this machine run containers?"],
      ["tsrun check --bundle /srv/web", "can it run this one, as it is meant to be?"],
      ["tsrun check --html >check.html", "a page with everything that was found"],
      ["tsrun check --format tap | prove -", "as a test, in TAP"],
    ],
  },
  explain: {
    text: `
Prints what the specification says about the property at PATH, such as linux.maskedPaths or mounts[].options, which
values it may have, what tsrun does with it, by which system calls, and which test shows that. PATH may be written as in
error messages: linux.namespaces[2].path. Without PATH, lists all properties. "run --dry-run" shows the calls for a
bundle.`,
    examples: [["tsrun explain linux.maskedPaths", "what are they for, and how are they masked?"]],
  },
  seccomp: {
    text: `
Says whether a container with this profile may make a system call, and which rule decides. CALL is written as in C.
An argument that is missing, _ or a pointer may be anything: socket(AF_ALG), clone(CLONE_NEWUSER), 'openat(_, "/x",
O_RDWR)', 452. The profile is compiled as "create" would, and the filter is evaluated for each architecture whose
calls this machine can make. Other ways to the same effect are listed if they are open: socketcall(2), x32,
io_uring, bits of a register that the kernel ignores. Nothing is loaded, and no container is needed.

Ends with status 0 if every CALL is allowed, with 3 if all are denied in every way, and with 4 if the answer
depends on the architecture, on arguments or on a way round; 1 is an error.

With --diff, the arguments are two bundles or profiles: prints each call that one allows and the other denies,
with the arguments for which that is so. Ends with 0 if both allow the same, else with 3.

With --lint, prints rules that do not do what they seem to: rules without effect, conditions that cancel each other,
names that libseccomp does not know, EPERM where programs expect ENOSYS; and holes that are often forgotten:
io_uring, AF_ALG, user namespaces. Ends with 0 if it finds nothing, else with 3.`,
    examples: [
      [
        "tsrun seccomp --bundle /srv/web 'socket(AF_ALG)' 'clone(CLONE_NEWUSER)'",
        "may its processes do this?",
      ],
      [
        "tsrun seccomp --profile docker.json --cap CAP_SYS_ADMIN mount",
        "with docker's profile and a capability",
      ],
      ["tsrun seccomp --diff docker.json /srv/web", "what does one allow and the other not?"],
      ["tsrun seccomp --lint --bundle /srv/web", "what is wrong with the profile?"],
    ],
  },
  features: {
    text: `
Prints the features structure of the runtime specification: the namespaces, mount options, hooks,
capabilities, cgroup and seccomp support that a config.json may ask for.`,
  },
  draw: {
    text: `
FILE was written by "tsrun --trace FILE.json COMMAND", or because of the annotation org.tsrun.trace in a config.json.
Starting a pod takes several commands, such as create and start of each container; all are drawn on one time axis.`,
    examples: [
      ["tsrun --trace web.svg run --bundle /srv/web web", "run a container, and draw what tsrun does"],
      [
        "tsrun draw --output pod.html /var/tmp/traces/*.json",
        "draw a pod whose config.json asked for timelines",
      ],
    ],
  },
  serve: {
    text: `
Listens on /run/tsrun-serve.sock (a user's: $XDG_RUNTIME_DIR/tsrun-serve.sock), and does the commands of this
user's other tsrun processes: faster, because its code is already warm. A command that it does not take, or that
comes from another namespace or with other rights, does its work itself. The server ends after --idle without a
command; containers run on. $TSRUN_SERVE is another path, or "off"; --no-serve turns it off for one command.

With systemd, tsrun.socket starts the server when a command needs it: systemctl enable --now tsrun.socket; for
a user's, systemctl --user. "tsrun check" says whether a server runs, and --debug whether it has done a command, and if
not, why.`,
    examples: [
      ["tsrun serve &", "serve until ten minutes have passed without a command"],
      ["systemctl enable --now tsrun.socket", "have systemd start it when a command asks"],
      ["tsrun serve --status", "show what it has done, and what it refused and why"],
    ],
  },
  completion: {
    text: `
Prints a script with which the shell completes tsrun's commands, flags, values and containers.`,
    examples: [
      ["source <(tsrun completion bash)", "in ~/.bashrc"],
      ["source <(tsrun completion zsh)", "in ~/.zshrc, after compinit"],
      ["tsrun completion fish | source", "in ~/.config/fish/config.fish"],
    ],
  },
  help: { text: `The same as --help, or as COMMAND --help.` },
  __complete: {
    text: `
What the scripts of "completion" ask, a word each: prints the words that may stand for the last one, each in a line with
a tab and what it does, or <files> or <directories>.`,
    examples: [["tsrun __complete -- create --b", "print --bundle"]],
  },
  __steps: {
    text: `What "why" asks to tell the steps of a container that is being created by name, whose cgroup there is already.`,
  },
  man: {
    text: `Prints the manual page of tsrun in roff.`,
    examples: [["tsrun man | man -l -", "read it"]],
  },
};
