/** What every command ends with; docs/cli.md has the table for users. */
export const exitCodes = {
  ok: 0,
  /** Something was found: an error or warning, a difference, a request that nothing answers. */
  findings: 1,
  /** An unknown option, a path that is not there, a value that cannot be used. */
  usage: 2,
  /** The cluster, or a gateway that was named, did not answer or does not let us read. */
  unreachable: 3,
} as const;
