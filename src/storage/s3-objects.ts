/** What a commit asks of S3: small objects as a whole, and uploads that others have begun. */
import { BallistaError, fail } from '../common/errors.js'
import { expectStatus, LastingError, TransientError, withRetries } from './attempts.js'
import { readBody } from './http-client.js'
import { notReadable } from './local-store.js'
import { elementText } from './s3-list.js'
import { s3Object, sendToS3, type S3Object } from './s3-request.js'
import type { FilePlace, StagedUpload } from './store.js'

const MAX_REPLY_BYTES = 16 * 1024 * 1024
/** Manifests name each file of a write. */
const MAX_OBJECT_BYTES = 256 * 1024 * 1024

/** All bytes of an object; undefined if there is none. Throws FILE_NOT_READABLE. */
export function readObject(place: FilePlace): Promise<Buffer | undefined> {
  const attempt = async (): Promise<Buffer | undefined> => {
    const reply = await expectStatus(await sendToS3(place, s3Object(place), { method: 'GET' }), 200, 404)
    const bytes = await readBody(reply, MAX_OBJECT_BYTES)
    return reply.status === 404 ? undefined : bytes
  }
  return withRetries(place, attempt).catch((error: unknown) => {
    throw notReadable(place, error)
  })
}

/** Writes an object; false, and nothing done, if it `mustBeNew` and there is one. */
export function putObject(place: FilePlace, body: Uint8Array, mustBeNew: boolean): Promise<boolean> {
  const headers = mustBeNew ? { 'if-none-match': '*' } : {}
  return coded(place, async () => {
    const reply = await sendToS3(place, s3Object(place), { method: 'PUT', body, headers })
    // Somebody else writes it now.
    if (reply.status === 409) throw new TransientError('the server answered 409')
    await readBody(await expectStatus(reply, 200, 412), MAX_REPLY_BYTES)
    // It may be the object of an attempt whose answer was lost.
    return reply.status === 200 || (await readObject(place))?.equals(body) === true
  })
}

/** One that is missing counts as removed. */
export function removeObject(place: FilePlace): Promise<void> {
  return coded(place, async () => {
    const reply = await sendToS3(place, s3Object(place), { method: 'DELETE' })
    await readBody(await expectStatus(reply, 200, 204, 404), MAX_REPLY_BYTES)
  })
}

/**
 * Makes the object of an upload appear; false if it `mustBeNew` and another one is there. Nothing happens if it was completed before.
 * FILE_INVALID if the upload is gone.
 */
export function completeUpload(host: FilePlace['host'], upload: StagedUpload, mustBeNew = false): Promise<boolean> {
  const { byteLength, id, path, tags } = upload
  const place = { path, host }
  const headers = mustBeNew ? { 'if-none-match': '*' } : {}
  const parts = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`)
  const body = Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`)
  return coded(place, async () => {
    const object = s3Object(place)
    const reply = await sendToS3(place, object, { method: 'POST', query: { uploadId: id }, headers, body })
    if (reply.status === 409) throw new TransientError('the server answered 409')
    const answer = (await readBody(await expectStatus(reply, 200, 404, 412), MAX_REPLY_BYTES)).toString()
    // An earlier attempt may have completed it, whatever became of its answer.
    if (reply.status !== 200) {
      if ((await sizeOf(place, object)) === byteLength && (reply.status === 404 || !(await isOpen(place, id))))
        return true
      if (reply.status === 412) return false
      throw fail('FILE_INVALID', [path, 'was uploaded, and its upload is gone'])
    }
    // S3 may answer 200 before it knows, and then says in the body that it failed.
    if (answer.includes('<CompleteMultipartUploadResult')) return true
    throw new TransientError(`the upload was not completed: ${elementText(answer, 'Code')}`)
  })
}

/** Frees the parts of an upload; one that is missing counts as aborted. */
export function abortUpload(place: FilePlace, id: string): Promise<void> {
  return coded(place, async () => {
    const reply = await sendToS3(place, s3Object(place), { method: 'DELETE', query: { uploadId: id } })
    await readBody(await expectStatus(reply, 200, 204, 404), MAX_REPLY_BYTES)
  })
}

/** Uploads under way to objects whose keys begin like the place's. */
export function openUploads(place: FilePlace): Promise<{ readonly path: string; readonly id: string }[]> {
  return coded(place, async () => {
    const { bucket, key: prefix } = s3Object(place)
    const found: { path: string; id: string }[] = []
    let markers: Record<string, string> = {}
    for (;;) {
      const query = { uploads: '', 'encoding-type': 'url', prefix, ...markers }
      const reply = await expectStatus(await sendToS3(place, { bucket, key: '' }, { method: 'GET', query }), 200)
      const page = (await readBody(reply, MAX_REPLY_BYTES)).toString()
      if (!page.includes('<ListMultipartUploadsResult'))
        throw new LastingError('the server answers with no list of uploads')
      for (const [, upload] of page.matchAll(/<Upload>([^]*?)<\/Upload>/g)) {
        const key = decodeURIComponent(elementText(upload, 'Key').replaceAll('+', ' '))
        found.push({ path: `s3://${bucket}/${key}`, id: elementText(upload, 'UploadId') })
      }
      if (elementText(page, 'IsTruncated') !== 'true') return found
      const keyMarker = decodeURIComponent(elementText(page, 'NextKeyMarker').replaceAll('+', ' '))
      markers = { 'key-marker': keyMarker, 'upload-id-marker': elementText(page, 'NextUploadIdMarker') }
    }
  })
}

const isOpen = async (place: FilePlace, id: string): Promise<boolean> =>
  (await openUploads(place)).some(upload => upload.id === id)

async function sizeOf(place: FilePlace, object: S3Object): Promise<number | undefined> {
  const reply = await expectStatus(await sendToS3(place, object, { method: 'HEAD' }), 200, 404)
  reply.body.resume()
  return reply.status === 404 ? undefined : Number(reply.headers['content-length'])
}

async function coded<T>(place: FilePlace, attempt: () => Promise<T>): Promise<T> {
  try {
    return await withRetries(place, attempt)
  } catch (error) {
    if (error instanceof BallistaError) throw error
    throw fail('FILE_NOT_WRITABLE', [place.host.name, place.path, (error as Error).message], { cause: error })
  }
}
