/** Files of servers that speak HTTP, read by ranges of bytes: their versions, tails and open files. */
import { fail } from '../common/errors.js'
import { countBytesRead } from '../runtime/io-counters.js'
import { expectStatus, LastingError, withRetries } from './attempts.js'
import { readBody, type HttpReply } from './http-client.js'
import { notReadable } from './local-store.js'
import type { FilePlace, FileTail, FileVersion, OpenFile } from './store.js'

/** One attempt at a request about the file at a place, as its server wants it. */
export type SendAbout = (
  place: FilePlace,
  method: 'GET' | 'HEAD',
  headers: Readonly<Record<string, string>>,
) => Promise<HttpReply>

/** Bytes of one request: more go over several connections at once. */
const PART_BYTES = 8 * 1024 * 1024
/** Largest file of a server that gives no ranges: it is read as a whole. */
const WHOLE_BYTES = 64 * 1024 * 1024

/** The version that the statement reads: the one it knows, else that which the server has now. Throws FILE_NOT_READABLE. */
export async function remoteVersion(send: SendAbout, place: FilePlace): Promise<FileVersion> {
  const known = place.host.versions?.get(place.path)
  if (known !== undefined) return known
  return met(place, await reading(place, () => askVersion(send, place)))
}

async function askVersion(send: SendAbout, place: FilePlace): Promise<FileVersion> {
  const reply = await send(place, 'HEAD', {})
  reply.body.resume()
  // Some servers answer GET only.
  if (![403, 405, 501].includes(reply.status)) return versionOf(await expectStatus(reply, 200))
  const first = await expectStatus(await send(place, 'GET', { range: 'bytes=0-0' }), 200, 206, 416)
  first.body.destroy()
  return versionOf(first)
}

function met({ path, host }: FilePlace, version: FileVersion): FileVersion {
  host.versions?.set(path, version)
  return version
}

/** As Store.tail, in one request, or none if the statement knows the version and it is `cached`. */
export async function remoteTail(
  send: SendAbout,
  place: FilePlace,
  byteLength: number,
  cached?: FileVersion,
): Promise<FileTail> {
  const known = place.host.versions?.get(place.path)
  if (known === undefined) return reading(place, () => askTail(send, place, byteLength, cached))
  if (cached?.tag === known.tag && cached.byteLength === known.byteLength) return { version: known }
  const bytes = new Uint8Array(Math.min(byteLength, known.byteLength))
  await new RemoteFile(send, place, known).read(bytes, known.byteLength - bytes.length)
  return { version: known, bytes }
}

async function askTail(send: SendAbout, place: FilePlace, byteLength: number, cached?: FileVersion): Promise<FileTail> {
  const unless = cached?.tag.startsWith('"') === true ? { 'if-none-match': cached.tag } : {}
  const reply = await send(place, 'GET', { range: `bytes=-${byteLength}`, ...unless })
  if (reply.status === 304 && cached !== undefined) {
    reply.body.resume()
    return { version: met(place, cached) }
  }
  const version = met(place, versionOf(await expectStatus(reply, 200, 206, 416)))
  const wanted = Math.min(byteLength, version.byteLength)
  if (reply.status === 206 && rangeOf(reply)?.start === version.byteLength - wanted)
    return { version, bytes: await wholeBody(reply, wanted) }
  // A server that knows no such ranges; an empty file has none.
  reply.body.destroy()
  const bytes = new Uint8Array(wanted)
  await new RemoteFile(send, place, version).read(bytes, version.byteLength - wanted)
  return { version, bytes }
}

/** A file of one version; nothing is asked before the first read. */
export class RemoteFile implements OpenFile {
  /** A request takes as long as so many bytes of a connection that others share. */
  readonly gapBytes = 256 * 1024
  readonly byteLength: number
  private readonly send: SendAbout
  private readonly place: FilePlace
  private readonly version: FileVersion
  /** All bytes, once the server has shown that it gives no ranges. */
  private whole: Uint8Array | undefined

  constructor(send: SendAbout, place: FilePlace, version: FileVersion) {
    this.send = send
    this.place = place
    this.version = version
    this.byteLength = version.byteLength
  }

  async read(target: Uint8Array, position: number): Promise<number> {
    const byteCount = Math.max(0, Math.min(target.length, this.byteLength - position))
    const parts: Promise<void>[] = []
    for (let start = 0; start < byteCount; start += PART_BYTES) {
      const part = target.subarray(start, Math.min(byteCount, start + PART_BYTES))
      parts.push(this.readPart(part, position + start))
    }
    // Nobody writes to `target` any more when this settles.
    const failed = (await Promise.allSettled(parts)).find(result => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    return byteCount
  }

  async close(): Promise<void> {
    this.whole = undefined
  }

  /** Goes on where an attempt broke off. */
  private readPart(target: Uint8Array, position: number): Promise<void> {
    let filled = 0
    return reading(this.place, async () => {
      if (this.whole !== undefined) return target.set(this.whole.subarray(position, position + target.length))
      const start = position + filled
      const range = `bytes=${start}-${position + target.length - 1}`
      const reply = await this.send(this.place, 'GET', { range, ...this.onlyThisVersion() })
      if (reply.status === 412) throw this.changed()
      await expectStatus(reply, 200, 206)
      this.check(reply)
      if (reply.status === 200) {
        this.whole = await wholeBody(reply, this.byteLength)
        return target.set(this.whole.subarray(position, position + target.length))
      }
      if (rangeOf(reply)?.start !== start)
        throw new LastingError('the server answers with another range than was asked for')
      for await (const chunk of reply.body as AsyncIterable<Buffer>) {
        const wanted = chunk.subarray(0, target.length - filled)
        target.set(wanted, filled)
        filled += wanted.length
        countBytesRead(wanted.length)
      }
      if (filled < target.length) throw new Error('the connection broke off')
    })
  }

  private onlyThisVersion(): Readonly<Record<string, string>> {
    const { tag } = this.version
    if (tag.startsWith('"')) return { 'if-match': tag }
    return tag === '' || tag.startsWith('W/') ? {} : { 'if-unmodified-since': tag }
  }

  /** Servers that pass conditions over are found out by what they answer. */
  private check(reply: HttpReply): void {
    const { tag, byteLength } = versionOf(reply)
    if (tag !== this.version.tag || byteLength !== this.version.byteLength) {
      reply.body.destroy()
      throw this.changed()
    }
  }

  private changed(): Error {
    return fail('FILE_INVALID', [this.place.path, 'changed while the query ran; run the query again'])
  }
}

/** Runs attempts; what is left of failures has a code. */
async function reading<T>(place: FilePlace, attempt: () => Promise<T>): Promise<T> {
  try {
    return await withRetries(place, attempt)
  } catch (error) {
    place.host.signal?.throwIfAborted()
    throw notReadable(place, error)
  }
}

function versionOf({ headers, status }: HttpReply): FileVersion {
  const { etag, 'last-modified': modified, 'content-length': length, 'content-range': range } = headers
  const total = status === 200 ? length : /\/(\d+)$/.exec(range ?? '')?.[1]
  if (total === undefined || !/^\d{1,15}$/.test(total))
    throw new LastingError('the server does not say how long the file is')
  return { byteLength: Number(total), tag: etag ?? modified ?? '' }
}

/** Where the bytes of a reply begin; undefined if they are all there are. */
function rangeOf({ headers }: HttpReply): { readonly start: number } | undefined {
  const start = /^bytes (\d{1,15})-/.exec(headers['content-range'] ?? '')?.[1]
  return start === undefined ? undefined : { start: Number(start) }
}

async function wholeBody(reply: HttpReply, byteLength: number): Promise<Uint8Array> {
  if (byteLength > WHOLE_BYTES) {
    reply.body.destroy()
    throw new LastingError(
      `the server gives no ranges of bytes, and the file has more than ${WHOLE_BYTES} bytes; copy it first`,
    )
  }
  const bytes = await readBody(reply, byteLength)
  countBytesRead(bytes.length)
  if (bytes.length < byteLength) throw new Error('the connection broke off')
  return bytes
}
