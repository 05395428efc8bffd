/** Writes objects of S3: small ones at once, larger ones in parts that appear together when the upload is completed. */
import { BallistaError, fail } from '../common/errors.js'
import { expectStatus, LastingError, withRetries } from './attempts.js'
import { readBody } from './http-client.js'
import { elementText } from './s3-list.js'
import { abortUpload, completeUpload } from './s3-objects.js'
import { s3Object, sendToS3, type S3Object, type S3Request } from './s3-request.js'
import type { AtomicFile, FilePlace } from './store.js'

/** S3 takes parts of 5 MiB or more (but for the last one), and 10 000 of them. */
const FIRST_PART_BYTES = 8 * 1024 * 1024
/** So that 10 000 parts make more than the 5 TiB of the largest object. */
const PARTS_OF_A_SIZE = 1_000
/** Parts under way at once: each is held in memory. */
const PARTS_UNDER_WAY = 4
const MAX_REPLY_BYTES = 1024 * 1024

/** Starts an object, of which nothing is seen before `close`. As Store.create. */
export async function createS3File(place: FilePlace): Promise<AtomicFile> {
  return new S3Upload(place, s3Object(place))
}

class S3Upload implements AtomicFile {
  byteLength = 0
  private readonly place: FilePlace
  private readonly object: S3Object
  private buffer = Buffer.alloc(0)
  private filled = 0
  private uploadId: string | undefined
  private readonly tags: string[] = []
  private readonly underWay = new Set<Promise<void>>()
  private failure: unknown
  private isOver = false

  constructor(place: FilePlace, object: S3Object) {
    this.place = place
    this.object = object
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.attempt(async () => {
      for (let done = 0; done < bytes.length;) {
        if (this.filled === this.buffer.length) await this.nextBuffer()
        const piece = bytes.subarray(done, done + this.buffer.length - this.filled)
        this.buffer.set(piece, this.filled)
        this.filled += piece.length
        done += piece.length
        this.byteLength += piece.length
      }
    })
  }

  close(): Promise<void> {
    return this.attempt(async () => {
      const last = this.buffer.subarray(0, this.filled)
      const { host, path } = this.place
      if (this.uploadId === undefined && host.onStaged === undefined) {
        await this.send({ method: 'PUT', body: last })
      } else {
        const id = await this.begun()
        await this.startPart(last)
        await Promise.all(this.underWay)
        this.throwFailure()
        const upload = { path, id, tags: this.tags, byteLength: this.byteLength }
        if (host.onStaged === undefined) await completeUpload(host, upload)
        else host.onStaged(upload)
      }
      this.isOver = true
      this.buffer = Buffer.alloc(0)
    })
  }

  async abort(): Promise<void> {
    if (this.isOver) return
    this.isOver = true
    this.buffer = Buffer.alloc(0)
    await Promise.allSettled(this.underWay)
    if (this.uploadId === undefined) return
    // The write was perhaps cancelled; the upload's end is not.
    const place = { ...this.place, host: { name: this.place.host.name, config: this.place.host.config } }
    await abortUpload(place, this.uploadId).catch(() => undefined)
  }

  /** Sends the full buffer as a part, and makes a new one. */
  private async nextBuffer(): Promise<void> {
    if (this.filled > 0) {
      await this.begun()
      await this.startPart(this.buffer)
    }
    const size = FIRST_PART_BYTES * 2 ** Math.floor(this.tags.length / PARTS_OF_A_SIZE)
    this.buffer = Buffer.allocUnsafe(size)
    this.filled = 0
  }

  /** The id of the upload. */
  private async begun(): Promise<string> {
    this.uploadId ??= elementText(await this.send({ method: 'POST', query: { uploads: '' } }), 'UploadId')
    if (this.uploadId === '') throw new LastingError('the server starts no upload')
    return this.uploadId
  }

  /** Resolves when another part may be made. */
  private async startPart(body: Uint8Array): Promise<void> {
    const partNumber = this.tags.push('')
    const part = this.sendPart(body, partNumber)
      .catch((error: unknown) => {
        this.failure ??= error
      })
      .finally(() => this.underWay.delete(part))
    this.underWay.add(part)
    if (this.underWay.size >= PARTS_UNDER_WAY) await Promise.race(this.underWay)
    this.throwFailure()
  }

  private async sendPart(body: Uint8Array, partNumber: number): Promise<void> {
    const query = { partNumber: String(partNumber), uploadId: this.uploadId ?? '' }
    await withRetries(this.place, async () => {
      const reply = await expectStatus(await sendToS3(this.place, this.object, { method: 'PUT', query, body }), 200)
      reply.body.resume()
      const { etag } = reply.headers
      if (etag === undefined) throw new LastingError('the server names no etag of a part')
      this.tags[partNumber - 1] = etag
    })
  }

  private send(request: S3Request): Promise<string> {
    return withRetries(this.place, async () => {
      const reply = await expectStatus(await sendToS3(this.place, this.object, request), 200)
      return (await readBody(reply, MAX_REPLY_BYTES)).toString()
    })
  }

  private throwFailure(): void {
    if (this.failure !== undefined) throw this.failure
  }

  private async attempt(action: () => Promise<void>): Promise<void> {
    const { path, host } = this.place
    if (this.isOver) throw fail('INTERNAL', [`'${path}' was written after it was closed`])
    try {
      await action()
    } catch (error) {
      await this.abort()
      host.signal?.throwIfAborted()
      if (error instanceof BallistaError) throw error
      throw fail('FILE_NOT_WRITABLE', [host.name, path, (error as Error).message], { cause: error })
    }
  }
}
