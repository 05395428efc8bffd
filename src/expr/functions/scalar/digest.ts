/** Digests and encodings of text and bytes. Text counts as its UTF-8 bytes. */
import { createHash } from 'node:crypto'
import { BINARY, UTF8, type DataType, type Value } from '../../../arrow/types.js'
import { fail } from '../../../common/errors.js'
import type { FunctionExample, ScalarFunction } from '../function.js'
import { badArguments, defineScalar, type Coerce } from '../signature.js'

const ex = (sql: string, result: string): FunctionExample => ({ sql, result })

/** Text or bytes, as they are, then text. */
const bytesFirst =
  (name: string, textCount: number): Coerce =>
  args => {
    const [first, ...rest] = args
    const isText = (type: DataType | undefined): boolean => type?.kind === 'utf8' || type?.kind === 'null'
    if (rest.length !== textCount || !rest.every(isText) || !(isText(first) || first?.kind === 'binary'))
      return badArguments(name, ['VARCHAR or BYTEA', ...rest.map(() => 'VARCHAR')].join(', '), args)
    return [first.kind === 'binary' ? first : UTF8, ...rest.map(() => UTF8)]
  }

const digestOf = (algorithm: string, data: Value): Buffer =>
  createHash(algorithm)
    .update(data as string | Uint8Array)
    .digest()

const md5 = defineScalar({
  name: 'md5',
  description: 'MD5 digest as hexadecimal text.',
  examples: [ex("md5('a')", '0cc175b9c0f1b6a831c399e269772661'), ex('md5(NULL)', 'NULL')],
  coerce: bytesFirst('md5', 0),
  returns: () => UTF8,
  evaluate: ([data]) => digestOf('md5', data).toString('hex'),
})

const sha = (bits: 224 | 256 | 384 | 512, empty: string): ScalarFunction =>
  defineScalar({
    name: `sha${bits}`,
    description: `SHA-${bits} digest as bytes.`,
    examples: [ex(`encode(sha${bits}(''), 'hex')`, empty), ex(`sha${bits}(NULL)`, 'NULL')],
    coerce: bytesFirst(`sha${bits}`, 0),
    returns: () => BINARY,
    evaluate: ([data]) => new Uint8Array(digestOf(`sha${bits}`, data)),
  })

const ALGORITHMS = ['md5', 'sha224', 'sha256', 'sha384', 'sha512']

const digest = defineScalar({
  name: 'digest',
  description: `Digest as bytes by the algorithm that is named: ${ALGORITHMS.join(', ')}.`,
  examples: [
    ex("encode(digest('a', 'md5'), 'hex')", '0cc175b9c0f1b6a831c399e269772661'),
    ex("digest(NULL, 'md5')", 'NULL'),
  ],
  coerce: bytesFirst('digest', 1),
  returns: () => BINARY,
  evaluate: ([data, algorithm]) => {
    const name = (algorithm as string).toLowerCase()
    if (!ALGORITHMS.includes(name))
      throw fail('INVALID_ARGUMENT', [`digest '${algorithm as string}': known are ${ALGORITHMS.join(', ')}`])
    return new Uint8Array(digestOf(name, data))
  },
})

type Encoding = 'hex' | 'base64'

function encodingOf(name: Value): Encoding {
  const encoding = (name as string).toLowerCase()
  if (encoding === 'hex' || encoding === 'base64') return encoding
  throw fail('INVALID_ARGUMENT', [`encoding '${name as string}': known are hex and base64`])
}

const encode = defineScalar({
  name: 'encode',
  description: 'Bytes as text in an encoding: hex or base64 (without padding).',
  examples: [
    ex("encode('hello', 'base64')", 'aGVsbG8'),
    ex("encode('hi', 'hex')", '6869'),
    ex("encode(NULL, 'hex')", 'NULL'),
  ],
  coerce: bytesFirst('encode', 1),
  returns: () => UTF8,
  evaluate: ([data, encoding]) =>
    Buffer.from(data as string)
      .toString(encodingOf(encoding))
      .replace(/=+$/, ''),
})

const decode = defineScalar({
  name: 'decode',
  description: 'Text in an encoding (hex or base64) as bytes.',
  examples: [
    ex("CAST(decode('aGVsbG8', 'base64') AS VARCHAR)", 'hello'),
    ex("decode('6869', 'hex')", '6869'),
    ex("decode(NULL, 'hex')", 'NULL'),
  ],
  coerce: bytesFirst('decode', 1),
  returns: () => BINARY,
  evaluate: ([text, encoding]) => decoded(String(text), encodingOf(encoding)),
})

const VALID: Readonly<Record<Encoding, RegExp>> = { hex: /^(?:[0-9a-f]{2})*$/i, base64: /^[A-Za-z0-9+/]*={0,2}$/ }

function decoded(text: string, encoding: Encoding): Uint8Array {
  const legal = VALID[encoding].test(text) && (encoding === 'hex' || text.replace(/=+$/, '').length % 4 !== 1)
  if (!legal) throw fail('INVALID_ARGUMENT', [`decode: the text is not ${encoding}`])
  return new Uint8Array(Buffer.from(text, encoding))
}

export const DIGEST: readonly ScalarFunction[] = [
  decode,
  digest,
  encode,
  md5,
  sha(224, 'd14a028c2a3a2bc9476102bb288234c415a2b01f828ea62ac5b3e42f'),
  sha(256, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'),
  sha(384, '38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b'),
  sha(
    512,
    'cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e',
  ),
]
