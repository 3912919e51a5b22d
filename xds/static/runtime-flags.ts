/**
 * Envoy's runtime flags wherever our configuration runs. The compiler limits regexes (ir/regex.ts); Envoy's own limit of 100
 * instructions would refuse a whole table for one of them.
 */
export const envoyRuntimeFlags = { "re2.max_program_size.error_level": 4_294_967_295 } as const;

/** The layer of flags that change while Envoy runs: its name, and that of the resource that holds it. */
export const runtimeLayer = "nuncio.runtime";
