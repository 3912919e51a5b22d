/** What a msgpack document holds; numbers over 2^53 as bigint. */
export type Unpacked = null | boolean | number | bigint | string | Unpacked[] | { [key: string]: Unpacked };

const integer = (value: bigint): number | bigint =>
  value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;

/** Reads one msgpack document, without extensions and binaries. */
export function unpack(bytes: Buffer): Unpacked {
  let at = 0;
  const skip = (length: number): number => (at += length) - length;
  const text = (length: number) => bytes.toString("utf8", skip(length), at);
  const list = (length: number) => Array.from({ length }, value);
  const map = (length: number) =>
    Object.fromEntries(
      Array.from({ length }, () => {
        const key = value();
        return [String(key), value()];
      }),
    );

  function value(): Unpacked {
    const type = bytes.readUInt8(skip(1));
    if (type < 0x80) return type;
    if (type < 0x90) return map(type & 0x0f);
    if (type < 0xa0) return list(type & 0x0f);
    if (type < 0xc0) return text(type & 0x1f);
    if (type >= 0xe0) return type - 0x100;
    switch (type) {
      case 0xc0:
        return null;
      case 0xc2:
      case 0xc3:
        return type === 0xc3;
      case 0xca:
        return bytes.readFloatBE(skip(4));
      case 0xcb:
        return bytes.readDoubleBE(skip(8));
      case 0xcc:
        return bytes.readUInt8(skip(1));
      case 0xcd:
        return bytes.readUInt16BE(skip(2));
      case 0xce:
        return bytes.readUInt32BE(skip(4));
      case 0xcf:
        return integer(bytes.readBigUInt64BE(skip(8)));
      case 0xd0:
        return bytes.readInt8(skip(1));
      case 0xd1:
        return bytes.readInt16BE(skip(2));
      case 0xd2:
        return bytes.readInt32BE(skip(4));
      case 0xd3:
        return integer(bytes.readBigInt64BE(skip(8)));
      case 0xd9:
        return text(bytes.readUInt8(skip(1)));
      case 0xda:
        return text(bytes.readUInt16BE(skip(2)));
      case 0xdb:
        return text(bytes.readUInt32BE(skip(4)));
      case 0xdc:
        return list(bytes.readUInt16BE(skip(2)));
      case 0xdd:
        return list(bytes.readUInt32BE(skip(4)));
      case 0xde:
        return map(bytes.readUInt16BE(skip(2)));
      case 0xdf:
        return map(bytes.readUInt32BE(skip(4)));
      default:
        throw new Error(`msgpack type ${type} is not read`);
    }
  }
  return value();
}
