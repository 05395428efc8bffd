/** X.509 certificates for tests, written in DER by hand: an authority and what it signs. */
import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'

export interface Certificate {
  readonly cert: string
  readonly key: string
}

export interface Authority extends Certificate {
  /** For localhost and 127.0.0.1. */
  issue(name: string): Certificate
}

const HOUR_MS = 3_600_000

export function authority(name: string): Authority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const own = certificate({
    issuer: name,
    subject: name,
    publicKey: keys.publicKey,
    signer: keys.privateKey,
    isCa: true,
  })
  return {
    cert: own,
    key: pemKey(keys.privateKey),
    issue(subject) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const cert = certificate({ issuer: name, subject, publicKey, signer: keys.privateKey, isCa: false })
      return { cert, key: pemKey(privateKey) }
    },
  }
}

const pemKey = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()

interface CertificateParts {
  readonly issuer: string
  readonly subject: string
  readonly publicKey: KeyObject
  readonly signer: KeyObject
  readonly isCa: boolean
}

let serial = 1

/** RFC 5280, 4.1. */
function certificate({ issuer, subject, publicKey, signer, isCa }: CertificateParts): string {
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'))
  const now = Date.now()
  const body = sequence(
    der(0xa0, integer(2)),
    integer(serial++),
    algorithm,
    distinguishedName(issuer),
    sequence(time(now - HOUR_MS), time(now + HOUR_MS)),
    distinguishedName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...(isCa ? [basicConstraints()] : [alternativeNames()]))),
  )
  const signature = sign('sha256', body, createPrivateKey(pemKey(signer)))
  const whole = sequence(body, algorithm, der(0x03, Buffer.of(0), signature))
  return `-----BEGIN CERTIFICATE-----\n${whole.toString('base64')}\n-----END CERTIFICATE-----\n`
}

const basicConstraints = (): Buffer =>
  sequence(oid('2.5.29.19'), der(0x01, Buffer.of(0xff)), octets(sequence(der(0x01, Buffer.of(0xff)))))

const alternativeNames = (): Buffer =>
  sequence(oid('2.5.29.17'), octets(sequence(der(0x82, Buffer.from('localhost')), der(0x87, Buffer.of(127, 0, 0, 1)))))

const distinguishedName = (name: string): Buffer =>
  sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(name)))))

const sequence = (...parts: Buffer[]): Buffer => der(0x30, ...parts)
const octets = (part: Buffer): Buffer => der(0x04, part)
const integer = (value: number): Buffer => der(0x02, Buffer.of(value))

/** UTCTime. */
const time = (at: number): Buffer =>
  der(
    0x17,
    Buffer.from(
      new Date(at)
        .toISOString()
        .replace(/\.\d+|[-:T]/g, '')
        .slice(2),
    ),
  )

function oid(dotted: string): Buffer {
  const [first, second, ...rest] = dotted.split('.').map(Number)
  return der(0x06, Buffer.from([40 * first + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const digits = [value & 0x7f]
  for (let left = value >> 7; left > 0; left >>= 7) digits.unshift((left & 0x7f) | 0x80)
  return digits
}

/** Tag, length, content. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const bytes = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...bytes]), content])
}
