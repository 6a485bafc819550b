/**
 * The longer texts of help and the man page. They are not in the table, so that only these two load them. A blank line
 * ends a paragraph; lines are refilled to the reader's width.
 */
import type { CommandName } from "./table.ts";

export type Description = {
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

The annotation org.tsrun.landlock confines the process by a Landlock policy, and org.tsrun.landlock.strict=true makes
an error of what this kernel lacks of it. Experimental; docs/security.md has the format.`,
    examples: [["tsrun create --bundle /srv/web --pid-file /run/web.pid web", "create the container web"]],
  },
  start: {
    text: `
Lets the process of a container that "create" has made execute its program, and returns when it has. If
the program cannot be executed, the reason is printed and the container is stopped.`,
  },
  run: {
    text: `
Does what "create", "start" and, at the end of the process, "delete" do. Standard input, output and
error are the process's own, or its terminal is connected to the caller's. Signals are passed on, and the
exit status is the process's: 128 and the signal's number if a signal ended it.

With --detach, returns as soon as the process runs; delete the container when it has ended. It keeps the
standard streams that it was given, unless --output names a file for what it prints.`,
    examples: [
      ["tsrun run --bundle /srv/web web", "run the container in the foreground"],
      ["tsrun run --detach --output /var/log/web.log --bundle /srv/web web", "run it in the background"],
    ],
  },
  state: {
    text: `
Prints the state as the runtime specification defines it: id, status (creating, created, running, paused
or stopped), pid in the caller's pid namespace, bundle and annotations. For a stopped container "ended" tells why, if
that is known: when "run --keep" has waited for its end, its parent has not asked for its status yet, or its memory
ran out.`,
  },
  kill: {
    text: `
SIGNAL is a number or a name, with or without SIG, in either case. The signal goes to the container's
first process; for the others, use --all.`,
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

With --tree, those that share a network, IPC, UTS or PID namespace stand together as a pod, the sandbox first. Each line
tells uptime, memory, number of processes, command, which namespaces are shared with the sandbox, or with whom else, and
why a stopped one has stopped, if that is known. --format dot and svg draw the same, and json tells it to programs.

With --all-roots, also lists containers below /run/tsrun, /run/runc, /run/crun, /run/containerd/runc,
/run/docker/runtime-*, and $XDG_RUNTIME_DIR (root: every user's), whether tsrun, runc or crun has made them.
What cannot be read is a warning.`,
    examples: [
      ["tsrun --root /run/containerd/runc/k8s.io list", "list what containerd has started"],
      ["tsrun list --tree --all-roots", "show the pods of all engines"],
      ["tsrun list --pod web --format svg >pod.svg", "draw the pod that web is in"],
    ],
  },
  exec: {
    text: `
Runs COMMAND in the container's namespaces and cgroup. What is not given by flags is taken from the
container's own process: user, environment, working directory, capabilities. Flags end at ID: all that
follows it is COMMAND and its arguments.

In place of COMMAND, --process names a file with a process object as in config.json.

How do I get a shell in an image that has none? --tools names a directory of the host with static programs, such
as busybox. The process alone finds it, read-only, at /.tools or --at, and first in PATH; neither the container nor
the image changes.

How do I get into a container of another runtime? --pid names a process in it, and COMMAND takes the place of ID. The
new process is confined as that one is: capabilities, no_new_privs, seccomp filter, labels, limits, cgroup.`,
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
The table is that of ps(1) with the given options (default: -ef), reduced to the container's processes.
The pids are the caller's, not the container's.`,
    examples: [["tsrun ps web -o pid,rss,args", "choose the columns"]],
  },
  pause: {
    text: `
Freezes the container's cgroup. Its processes do not notice, and go on after "resume".`,
  },
  resume: { text: `Lets the processes of a paused container go on.` },
  update: {
    text: `
Only the limits that are given change. They are lost with the container: config.json stays as it is.
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
How do I mount something in a container that already runs? "add" makes the mounts that FILE lists, in their order, as
config.json would have made them: any type, with the same options, sources relative to the bundle. If one fails, none
stays. "remove" unmounts what is at the destinations in FILE, config.json's own mounts too; files that are open stay
usable. "list" tells which mounts the container has, and whether they are still there.

FILE has a JSON list of mounts as config.json has it, or an object with that list as "mounts"; - is standard input.
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
Prints the file that --output of "create" or "run" has named, also when the container has ended. With
--follow, prints what is added too, until the container's first process has ended.`,
    examples: [["tsrun logs --follow web", "see what the container web prints"]],
  },
  verify: {
    text: `
Looks at a running container from outside and compares, property by property: user, capabilities, seccomp, labels,
limits, namespaces, id mappings, mounts and their flags, masked and read-only paths, devices, sysctls. Nothing is
changed. One line for each difference: the property's path in config.json, what is there, and what was asked for. What the program may have changed by itself, such as its
working directory, is listed last and counts as no difference.

ID is a container of tsrun's, and is compared with the config.json of its bundle. For a container of runc, crun or
containerd, give the pid of its first process and its bundle.

Ends with status 0 when all is as asked, with 3 when something differs; 1 is an error, or that it could not
be told.`,
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
Why does it hang? Why did it stop? For a container that is being created, or for a command on it that does
not come back: the step, the system call and the line of config.json that it waits in, since when, and
where the kernel has it; or the hook, the lock, systemd's job, the frozen cgroup that it waits for. For one
that has stopped: its exit status or signal, whose memory limit was met, and who had tsrun send the signal.

Finds the containers of runc and crun too, also those of containerd, podman and docker. The same line goes
to --log when a creation, a start or an exec takes longer than ten seconds, or is told to end. With a time such as
100s in $TSRUN_PATIENCE, a creation that takes longer fails with it, and is undone.`,
    examples: [["tsrun why web", "find out what web waits for"]],
  },
  events: {
    text: `
Prints one JSON object a line: the statistics of the container's cgroup every --interval, and a message
when it runs out of memory. Ends with the container.`,
  },
  checkpoint: {
    text: `
Saves memory, open files and everything else of the container's processes with criu(8), which must be in
PATH, then deletes the container. "restore" brings them back. Without --image-path the images are in
./checkpoint. If criu refuses, the container goes on running, and criu's reason is printed. At a terminal
standard error shows how far it is.`,
    examples: [
      ["tsrun checkpoint --image-path /var/tmp/web web", "save the container web and end it"],
      ["tsrun checkpoint --leave-running --tcp-established web", "save it and let it go on"],
    ],
  },
  restore: {
    text: `
Makes a new container, named ID, from what "checkpoint" has saved. The bundle must be the one that it was
made from, or one like it: mounts from the host, limits, hooks and joined namespaces are those of its
config.json. Then goes on like "run": waits for the process, or returns at once with --detach.`,
    examples: [["tsrun restore --detach --image-path /var/tmp/web --bundle /srv/web web", "bring web back"]],
  },
  spec: {
    text: `
Writes a config.json that runs COMMAND, or a shell, in the bundle's directory rootfs or in --rootfs. It is
meant to be edited. A config.json that is there already is left alone, with an error. Flags end at COMMAND.

--mount adds a mount, in docker's words. Fields are separated by commas: type (bind or tmpfs), source, target,
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
"docker save" or "podman save"; "-" is standard input. Every digest is checked, and no entry of a layer leads out of BUNDLE. When it fails,
nothing is left. BUNDLE is for its owner alone (mode 0700), as a rootfs may have set-user-ID programs.

With --rootless, an ordinary user unpacks in a user namespace with the ids that /etc/subuid and /etc/subgid grant, and
the container runs in one like it. Where they grant none, all files belong to the user.`,
    examples: [
      ["docker save nginx | tsrun unpack - /srv/web", "a bundle from what docker has"],
      ["tsrun unpack --platform linux/arm64 --tag 3.20 images/ /srv/box", "one of several images"],
    ],
  },
  validate: {
    text: `
Checks config.json against the runtime specification and against what would fail later, and prints one
line for each thing that is wrong: where it stands, and what to change. Nothing is started.`,
  },
  check: {
    text: `
Tries what containers need of this machine, feature by feature, in processes that are thrown away. It tells
what is missing (the kernel or the machine hasn't got it) or forbidden (this user may not use it); which
system call failed with which errno; and what in a config.json is impossible without it. With --all, and in
all other forms, it tells also what works and what could not be tried. Nothing is left behind, except modules that the kernel loads by itself. Ordinary
users may run it too; most features are forbidden to them.

Ends with status 0 when containers can run, that is, when everything works that the config.json written by
"spec" needs; else with 1.

With --bundle, tries what this bundle needs, and lists the lines of its config.json that this machine
cannot honour. Ends with status 0 when there are none, else with 1.`,
    examples: [
      ["tsrun check", "can this machine run containers?"],
      ["tsrun check --bundle /srv/web", "can it run this one, as it is meant to be?"],
      ["tsrun check --html >check.html", "a page that tells everything"],
      ["tsrun check --format tap | prove -", "as a test, in TAP"],
    ],
  },
  explain: {
    text: `
Tells of the property at PATH, such as linux.maskedPaths or mounts[].options, what the specification says, what it may
hold, what tsrun does about it, by which system calls, and which test shows that. PATH may be written as in messages,
linux.namespaces[2].path. Without PATH, lists all properties. "run --dry-run" shows the calls of a bundle of your own.`,
    examples: [["tsrun explain linux.maskedPaths", "what are they for, and how are they masked?"]],
  },
  seccomp: {
    text: `
May this container make that system call? And if not, which rule forbids it? CALL is written as in C, and an
argument that is left out, _ or memory may be anything: socket(AF_ALG), clone(CLONE_NEWUSER), 'openat(_, "/x",
O_RDWR)', 452. The profile is compiled as "create" would, and the filter is asked, for each architecture whose
calls this machine can make. Other ways to the same are told too, if they are open: socketcall(2), x32,
io_uring, bits of a register that the kernel ignores. Nothing is loaded, and no container is needed.

Ends with status 0 when every CALL is allowed, with 3 when all are denied in every way, and with 4 when that
depends on the architecture, on arguments or on a way round; 1 is an error.

With --diff, the arguments are two bundles or profiles: prints each call that one allows and the other doesn't,
with the arguments for which that is so. Ends with 0 when both allow the same, else with 3.

With --lint, prints what does not do what it seems to: rules without effect, conditions that undo each other,
names that libseccomp does not know, EPERM where programs expect ENOSYS; and holes that are often forgotten:
io_uring, AF_ALG, user namespaces. Ends with 0 when there is nothing to tell, else with 3.`,
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
FILE is what "tsrun --trace FILE.json COMMAND" has written, or the annotation org.tsrun.trace in a config.json. A pod is
several commands, create and start of each container: drawn together they have one time axis.`,
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
Stays, listens on /run/tsrun-serve.sock (a user's: $XDG_RUNTIME_DIR/tsrun-serve.sock), and does the commands
that this user's tsrun is called with from then on: faster, since its code has run before. A command that it
doesn't take, or that comes from another namespace or with other rights, is done as without it. Ends after
--idle without a command; containers live on. $TSRUN_SERVE is another path, or "off"; --no-serve says no once.

With systemd, tsrun.socket starts it when it is needed: systemctl enable --now tsrun.socket; for a user's,
systemctl --user. "tsrun check" says whether one serves, and --debug whether it has done a command, and if not why.`,
    examples: [
      ["tsrun serve &", "serve until nothing was asked for ten minutes"],
      ["systemctl enable --now tsrun.socket", "have systemd start it when a command asks"],
      ["tsrun serve --status", "tell what it has done, and what not and why"],
    ],
  },
  completion: {
    text: `
Prints a script that makes the shell complete tsrun's commands, flags, values and containers.`,
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
