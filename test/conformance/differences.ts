/** Where validation knowingly says something else than the specification's JSON schemas. */

/** What is said of a place in a config, told apart by the place's path and the words. */
export interface Difference {
  readonly path: RegExp;
  /** Of our message where we say more, of the schema's where we say less. */
  readonly message: RegExp;
  readonly because: string;
}

/** What the schemas let pass and validation does not. */
export const STRICTER: readonly Difference[] = [
  // Of all values
  { path: /./, message: /must not contain a NUL byte/, because: "no argument of a system call can hold one" },
  {
    path: /./,
    message: /^needs \{ "type"/,
    because: "without a namespace of its own the container would change the host",
  },
  {
    path: /(^process\.cwd|path|Paths\[\d+\])$/,
    message: /^must be absolute/,
    because: "the prose asks for it",
  },
  { path: /env\[\d+\]$/, message: /NAME=value/, because: "the prose asks for environ(7)'s form" },

  { path: /\[""\]$/, message: /./, because: "the schemas do not look at what has an empty name" },

  // The container
  { path: /^root$/, message: /^is required/, because: "the prose asks for it but with Hyper-V" },
  { path: /^root\.path$/, message: /^must not be empty/, because: "it would be the bundle itself" },
  { path: /^ociVersion$/, message: /version/, because: "the prose asks for SemVer; 2.0 may mean anything" },
  { path: /name$/, message: /64 bytes/, because: "sethostname(2) takes no more" },
  { path: /^hooks\..*timeout$/, message: /2147483647/, because: "poll(2) waits no longer" },

  // process
  { path: /^process\.args/, message: /is required|not be empty/, because: "there would be nothing to run" },
  { path: /^process\.commandLine$/, message: /is for Windows/, because: "it would stand in for args" },
  { path: /^process\.consoleSize/, message: /to 65535/, because: "struct winsize has 16 bits" },
  { path: /^process\.user\.umask$/, message: /to 4095/, because: "a mode has 12 bits" },
  { path: /^process\.user/, message: /to 4294967294/, because: "setresuid(2) takes 2^32-1 for no change" },
  { path: /^process\.capabilities/, message: /not in permitted/, because: "capset(2) would refuse all" },
  { path: /^process\.oomScoreAdj$/, message: /-1000 to 1000/, because: "the kernel takes no other" },
  {
    path: /^process\.rlimits/,
    message: /twice|must not exceed hard|is not a resource limit/,
    because: "the prose forbids duplicates; the kernel takes no other",
  },
  { path: /^process\.scheduler\.nice$/, message: /-20 to 19/, because: "the kernel takes no other" },
  {
    path: /^process\.scheduler/,
    message: /has no meaning with|1 to 99|at least 1024|must not be less than/,
    because: "sched_setattr(2) takes no other",
  },
  { path: /^process\.ioPriority/, message: /0 to 7|be negative/, because: "the prose: from 0 to 7" },
  { path: /^process\.execCPUAffinity/, message: /list of numbers/, because: "the kernel takes no other" },

  // mounts, namespaces, ids
  { path: /^mounts\[\d+\]\.destination$/, message: /^must not be empty/, because: "it names no place" },
  { path: /^mounts\[\d+\]\.source$/, message: /for a bind mount/, because: "there is nothing to bind" },
  { path: /^mounts\[\d+\]\.options/, message: /needs uidMappings/, because: "there are no ids to map" },
  { path: /^mounts.*Mappings$/, message: /^is required together/, because: "the prose: both or none" },
  { path: /Mappings\[\d+\]/, message: /overlaps|too large|1 to/, because: "user_namespaces(7)" },
  { path: /^linux\.[ug]idMappings$/, message: /maps no ids/, because: "nobody could run in there" },
  { path: /^process\.user/, message: /is not mapped/, because: "the kernel knows no such user in there" },
  { path: /^linux\.namespaces/, message: /twice/, because: "the prose forbids duplicates" },
  { path: /^linux\.timeOffsets/, message: /999999999|is joined/, because: "time_namespaces(7)" },

  // linux
  {
    path: /^linux\.devices.*(major|minor)$/,
    message: /required for a device|be negative|must be from/,
    because: "mknod(2) takes 12 and 20 bits, and nothing without them",
  },
  { path: /^linux\.netDevices/, message: /./, because: "the kernel takes no such name" },
  {
    path: /^linux\.sysctl/,
    message: /not namespaced|no.* name|conflicts/,
    because: "it is not the container's",
  },
  { path: /^linux\.intelRdt/, message: /directory's name|one line/, because: "resctrl takes no other" },
  {
    path: /^linux\.memoryPolicy/,
    message: /./,
    because: "the prose asks for a mode, set_mempolicy(2) for nodes and flags that go with it",
  },
  { path: /^linux\.personality\.domain$/, message: /^is required/, because: "the prose asks for it" },
  {
    path: /^linux\.seccomp.*rrnoRet$/,
    message: /cannot return|must be from/,
    because: "the prose: an error where the action returns none; 12 or 16 bits",
  },
  { path: /^linux\.seccomp.*index$/, message: /0 to 5/, because: "a system call has six arguments" },
  { path: /^linux\.seccomp\.defaultAction$/, message: /NOTIFY/, because: "nobody could answer" },
  { path: /^linux\.seccomp\.listener/, message: /required|without/, because: "the prose asks for both" },

  // linux.resources
  { path: /^linux\.resources\.cpu/, message: /./, because: "the kernel takes no other" },
  {
    path: /^linux\.resources\.(memory|pids)/,
    message: /-1 to|to 200|less than limit/,
    because: "the kernel takes no other, and only -1 is no limit; swap counts memory in",
  },
  { path: /^linux\.resources\.blockIO.*eight$/, message: /1000/, because: "the prose: from 10 to 1000" },
  {
    path: /^linux\.resources\.(blockIO|devices).*(major|minor)$/,
    message: /negative|must be from/,
    because: "they are device numbers, or -1 for all where rules have them",
  },
  {
    path: /^linux\.resources\.devices.*(type|access)$/,
    message: /letters|type/,
    because: "the prose lists them",
  },
  { path: /^linux\.resources\.network.*name$/, message: /./, because: "the kernel takes no such name" },
  { path: /^linux\.resources\.rdma/, message: /must have/, because: "the prose: at least one of the two" },
  { path: /^linux\.resources\.unified/, message: /file name/, because: "it could leave the cgroup" },
];

/** What the schemas refuse and validation does not; besides `null`, and `""` in optional strings, for "not set". */
export const MORE_LENIENT: readonly Difference[] = [
  { path: /^process\.user\.username$/, message: /./, because: "it is for Windows, and ignored" },
  {
    path: /^linux\.rootfsPropagation$/,
    message: /allowed values/,
    because: "runc and mount(8) know the recursive ones, and callers send them",
  },
  {
    path: /^linux\.resources\.pids\.limit$/,
    message: /required/,
    because: "the prose says that it is optional, and Go's callers leave it out",
  },
  {
    path: /^linux\.devices\[\d+\]\.fileMode$/,
    message: /<= 511/,
    because: "Podman sends a whole st_mode, and set-id bits are bits of a mode",
  },
];
