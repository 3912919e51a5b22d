const newline = 0x0a;

/** Cuts a stream into lines. A character may be split between two chunks and a line may span many (a Secret of a megabyte), so
 *  bytes are joined once, when the line is complete. */
export class LineSplitter {
  #partial: Buffer[] = [];

  /** The lines that this chunk completes, without their ends. */
  push(chunk: Buffer): readonly string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      lines.push(this.#complete(chunk.subarray(start, end)));
      start = end + 1;
    }
    if (start < chunk.length) this.#partial.push(chunk.subarray(start));
    return lines;
  }

  #complete(end: Buffer): string {
    if (this.#partial.length === 0) return end.toString("utf8");
    const line = Buffer.concat([...this.#partial, end]).toString("utf8");
    this.#partial = [];
    return line;
  }
}
