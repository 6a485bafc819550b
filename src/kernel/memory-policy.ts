/** Modes of NUMA memory policies (set_mempolicy(2), linux/mempolicy.h). Functions, as few runs of tsrun need them. */
export const memoryPolicyModes = () =>
  ({
    MPOL_DEFAULT: 0,
    MPOL_PREFERRED: 1,
    MPOL_BIND: 2,
    MPOL_INTERLEAVE: 3,
    MPOL_LOCAL: 4,
    MPOL_PREFERRED_MANY: 5,
    MPOL_WEIGHTED_INTERLEAVE: 6,
  }) as const;
export const memoryPolicyFlags = () =>
  ({ MPOL_F_STATIC_NODES: 1 << 15, MPOL_F_RELATIVE_NODES: 1 << 14, MPOL_F_NUMA_BALANCING: 1 << 13 }) as const;
