/** How one figure was spread over its repetitions. Milliseconds, unless the key it stands under says otherwise. */
export interface Distribution {
  readonly n: number;
  readonly min: number;
  readonly p50: number;
  readonly p90: number;
  readonly max: number;
}

/** Three digits after the point: figures below a microsecond mean nothing here. */
export function rounded(value: number): number {
  return Math.round(value * 1000) / 1000;
}

/** The value that a share of the others does not pass: nearest rank. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export function distribution(values: readonly number[]): Distribution {
  return {
    n: values.length,
    min: rounded(quantile(values, 0)),
    p50: rounded(quantile(values, 0.5)),
    p90: rounded(quantile(values, 0.9)),
    max: rounded(quantile(values, 1)),
  };
}

export function median(values: readonly number[]): number {
  return rounded(quantile(values, 0.5));
}
