/**
 * A server that speaks S3 to tests: it checks signatures, and knows ranges, conditions, pages, uploads in parts, and how to misbehave.
 * Written from the public documentation of the protocol, apart from the client it tests.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export const ACCESS_KEY = 'AKIDEXAMPLE'
export const SECRET_KEY = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY'

/** What a fault does in place of an answer: 503 SlowDown, nothing at all, half of the body, an etag of another version. */
export type Fault = 'slow-down' | 'stall' | 'truncate' | 'wrong-etag'

export interface S3Call {
  readonly method: string
  /** `/bucket/key`, decoded. */
  readonly path: string
  readonly query: URLSearchParams
  readonly range: string | undefined
}

export interface FakeS3 {
  /** `http://127.0.0.1:port`. */
  readonly endpoint: string
  /** By `bucket/key`. */
  readonly objects: Map<string, Buffer>
  /** Uploads that were neither completed nor aborted, by id. */
  readonly uploads: ReadonlyMap<string, { readonly path: string; readonly parts: ReadonlyMap<number, Buffer> }>
  /** All calls whose signature was right. */
  readonly calls: readonly S3Call[]
  /** Bytes of bodies that were sent. */
  bytesSent: number
  /** Asked before each call is answered. */
  fault: (call: S3Call) => Fault | undefined
  /** Asked for each call: whether it is done, but not answered. */
  lose: (call: S3Call) => boolean
  /** Keys of a page of a list at most. */
  pageSize: number
  /** Forgets calls and bytes. */
  reset(): void
  /** Settings of a session that reads and writes here. */
  settings(): Record<string, string>
  close(): Promise<void>
}

interface Upload {
  readonly path: string
  readonly parts: Map<number, Buffer>
}

export async function startFakeS3({
  signed = true,
  token,
}: { signed?: boolean; token?: string } = {}): Promise<FakeS3> {
  const uploads = new Map<string, Upload>()
  const calls: S3Call[] = []
  const server = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500)
      response.end(String(error))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const fake: FakeS3 = {
    endpoint,
    objects: new Map(),
    uploads,
    calls,
    bytesSent: 0,
    fault: () => undefined,
    lose: () => false,
    pageSize: 1000,
    reset() {
      calls.length = 0
      fake.bytesSent = 0
    },
    settings: () => ({
      's3.endpoint': endpoint,
      's3.allow_http': 'true',
      's3.region': 'eu-test-1',
      ...(signed ? { 's3.access_key_id': ACCESS_KEY, 's3.secret_access_key': SECRET_KEY } : {}),
      ...(token === undefined ? {} : { 's3.session_token': token }),
    }),
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request)
    const refusal = signed ? signatureError(request, body, token) : undefined
    if (refusal !== undefined) return xmlError(response, 403, refusal)
    const url = new URL(request.url ?? '/', endpoint)
    const path = decodeURIComponent(url.pathname)
    const call: S3Call = {
      method: request.method ?? '',
      path,
      query: url.searchParams,
      range: request.headers.range,
    }
    calls.push(call)
    const fault = fake.fault(call)
    // What it would say goes nowhere.
    if (fake.lose(call)) response.write = response.end = () => response.destroy() as never
    if (fault === 'stall') return
    if (fault === 'slow-down') return xmlError(response, 503, 'SlowDown')
    const [, bucket, key] = /^\/([^/]+)\/?(.*)$/s.exec(path) ?? []
    if (bucket === undefined) return xmlError(response, 400, 'InvalidRequest')
    if (key === '' && call.query.has('uploads')) return listUploads(fake, bucket, url.searchParams, response)
    if (key === '' && call.method === 'GET') return list(fake, bucket, url.searchParams, response)
    const name = `${bucket}/${key}`
    if (call.method === 'GET' || call.method === 'HEAD') return read(fake, name, request, response, fault)
    if (call.query.has('uploads')) return begin(name, response)
    const uploadId = call.query.get('uploadId')
    if (uploadId !== null) return ofUpload(uploadId, call, request, body, response)
    if (call.method === 'DELETE') {
      fake.objects.delete(name)
      response.writeHead(204).end()
      return
    }
    if (isTaken(name, request)) return xmlError(response, 412, 'PreconditionFailed')
    fake.objects.set(name, body)
    response.writeHead(200, { etag: etagOf(body) }).end()
  }

  const isTaken = (name: string, request: IncomingMessage): boolean =>
    request.headers['if-none-match'] === '*' && fake.objects.has(name)

  const begin = (path: string, response: ServerResponse): void => {
    const id = `upload-${uploads.size}-${Date.now()}-${calls.length}`
    uploads.set(id, { path, parts: new Map() })
    const result = `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`
    response.writeHead(200).end(result)
  }

  const ofUpload = (
    id: string,
    { method, query }: S3Call,
    request: IncomingMessage,
    body: Buffer,
    response: ServerResponse,
  ): void => {
    const upload = uploads.get(id)
    if (upload === undefined) return xmlError(response, 404, 'NoSuchUpload')
    if (method === 'PUT') {
      upload.parts.set(Number(query.get('partNumber')), body)
      response.writeHead(200, { etag: etagOf(body) }).end()
      return
    }
    if (method === 'DELETE') {
      uploads.delete(id)
      response.writeHead(204).end()
      return
    }
    const wanted = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]+)<\/ETag>/g)]
    const parts = wanted.map(([, number]) => upload.parts.get(Number(number)))
    const isWrong = wanted.some(([, , etag], i) => {
      const part = parts[i]
      return part === undefined || etagOf(part) !== etag.replaceAll('&quot;', '"')
    })
    if (wanted.length === 0 || isWrong) return xmlError(response, 400, 'InvalidPart')
    const isSmall = parts.slice(0, -1).some(part => (part?.length ?? 0) < 5 * 1024 * 1024)
    if (isSmall) return xmlError(response, 400, 'EntityTooSmall')
    if (isTaken(upload.path, request)) return xmlError(response, 412, 'PreconditionFailed')
    fake.objects.set(upload.path, Buffer.concat(parts.filter(part => part !== undefined)))
    uploads.delete(id)
    response.writeHead(200).end('<CompleteMultipartUploadResult></CompleteMultipartUploadResult>')
  }

  return fake
}

const etagOf = (bytes: Buffer): string => `"${createHash('md5').update(bytes).digest('hex')}"`

function xmlError(response: ServerResponse, status: number, code: string): void {
  response.writeHead(status, { 'content-type': 'application/xml' }).end(`<Error><Code>${code}</Code></Error>`)
}

const tags = new WeakMap<Buffer, string>()

function read(fake: FakeS3, name: string, request: IncomingMessage, response: ServerResponse, fault?: Fault): void {
  const object = fake.objects.get(name)
  if (object === undefined) return xmlError(response, 404, 'NoSuchKey')
  const known = tags.get(object) ?? etagOf(object)
  tags.set(object, known)
  const etag = fault === 'wrong-etag' ? '"00000000000000000000000000000000"' : known
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch, range } = request.headers
  if (ifMatch !== undefined && ifMatch !== known) return xmlError(response, 412, 'PreconditionFailed')
  if (ifNoneMatch === known) {
    response.writeHead(304, { etag }).end()
    return
  }
  const span = spanOf(range, object.length)
  if (span === 'unsatisfiable') {
    response.writeHead(416, { 'content-range': `bytes */${object.length}` }).end()
    return
  }
  const [start, end] = span ?? [0, object.length]
  const bytes = object.subarray(start, end)
  response.writeHead(span === undefined ? 200 : 206, {
    etag,
    'accept-ranges': 'bytes',
    'content-length': bytes.length,
    ...(span === undefined ? {} : { 'content-range': `bytes ${start}-${end - 1}/${object.length}` }),
  })
  if (request.method === 'HEAD') {
    response.end()
    return
  }
  fake.bytesSent += bytes.length
  if (fault !== 'truncate') {
    response.end(bytes)
    return
  }
  response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy())
}

/** [start, end); undefined: all. */
function spanOf(range: string | undefined, length: number): [number, number] | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const count = Math.min(length, Number(last))
    return count === 0 ? 'unsatisfiable' : [length - count, length]
  }
  if (Number(first) >= length) return 'unsatisfiable'
  return [Number(first), last === '' ? length : Math.min(length, Number(last) + 1)]
}

const escapedXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

function list(fake: FakeS3, bucket: string, query: URLSearchParams, response: ServerResponse): void {
  if (query.get('list-type') !== '2') return xmlError(response, 400, 'InvalidRequest')
  const prefix = `${bucket}/${query.get('prefix') ?? ''}`
  const after = query.get('continuation-token') ?? ''
  const names = [...fake.objects.keys()].filter(name => name.startsWith(prefix) && name > after).sort()
  const page = names.slice(0, fake.pageSize)
  const contents = page.map(name => {
    const object = fake.objects.get(name) ?? Buffer.alloc(0)
    const key = name.slice(bucket.length + 1)
    const shown =
      query.get('encoding-type') === 'url' ? encodeURIComponent(key).replaceAll('%2F', '/') : escapedXml(key)
    return `<Contents><Key>${shown}</Key><ETag>${escapedXml(etagOf(object))}</ETag><Size>${object.length}</Size></Contents>`
  })
  const next =
    names.length > page.length
      ? `<NextContinuationToken>${escapedXml(page[page.length - 1])}</NextContinuationToken>`
      : ''
  response.writeHead(200, { 'content-type': 'application/xml' })
  response.end(
    `<?xml version="1.0"?><ListBucketResult><Name>${bucket}</Name>${contents.join('')}${next}</ListBucketResult>`,
  )
}

function listUploads(fake: FakeS3, bucket: string, query: URLSearchParams, response: ServerResponse): void {
  const prefix = `${bucket}/${query.get('prefix') ?? ''}`
  const after = `${bucket}/${query.get('key-marker') ?? ''}\0${query.get('upload-id-marker') ?? ''}`
  const found = [...fake.uploads]
    .map(([id, { path }]) => ({ id, path, order: `${path}\0${id}` }))
    .filter(({ path, order }) => path.startsWith(prefix) && order > after)
    .sort((left, right) => (left.order < right.order ? -1 : 1))
  const page = found.slice(0, fake.pageSize)
  const keyOf = (path: string): string => encodeURIComponent(path.slice(bucket.length + 1)).replaceAll('%2F', '/')
  const shown = page.map(({ id, path }) => `<Upload><Key>${keyOf(path)}</Key><UploadId>${id}</UploadId></Upload>`)
  const last = page.at(-1)
  const next =
    found.length === page.length || last === undefined
      ? '<IsTruncated>false</IsTruncated>'
      : `<IsTruncated>true</IsTruncated><NextKeyMarker>${keyOf(last.path)}</NextKeyMarker><NextUploadIdMarker>${last.id}</NextUploadIdMarker>`
  response.writeHead(200).end(`<ListMultipartUploadsResult>${shown.join('')}${next}</ListMultipartUploadsResult>`)
}

/** The code of what is wrong with the signature of a request (AWS Signature Version 4); undefined: nothing. */
function signatureError(request: IncomingMessage, body: Buffer, token: string | undefined): string | undefined {
  const { authorization = '', 'x-amz-content-sha256': payload = '', 'x-amz-date': date = '' } = request.headers
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    )
  if (match === null) return 'AccessDenied'
  const [, key, day, region, names, signature] = match
  if (key !== ACCESS_KEY) return 'InvalidAccessKeyId'
  if (request.headers['x-amz-security-token'] !== token) return 'InvalidToken'
  if (region !== 'eu-test-1') return 'AuthorizationHeaderMalformed'
  if (!names.split(';').includes('host')) return 'AccessDenied'
  const at = Date.parse(String(date).replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
  if (!(Math.abs(at - Date.now()) < 15 * 60_000) || !String(date).startsWith(day)) return 'RequestTimeTooSkewed'
  if (payload !== 'UNSIGNED-PAYLOAD' && payload !== sha256(body)) return 'XAmzContentSHA256Mismatch'
  const [rawPath, rawQuery = ''] = (request.url ?? '/').split('?')
  const query =
    rawQuery === '' ? [] : rawQuery.split('&').map(pair => [...pair.split('='), ''].slice(0, 2).map(canonical))
  const headers = names.split(';').map(name => `${name}:${String(request.headers[name] ?? '').trim()}\n`)
  const text = [
    request.method,
    rawPath.split('/').map(canonical).join('/'),
    query
      .map(pair => pair.join('='))
      .sort()
      .join('&'),
    headers.join(''),
    names,
    payload,
  ].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const toSign = ['AWS4-HMAC-SHA256', date, scope, sha256(Buffer.from(text))].join('\n')
  const signingKey = [day, region, 's3', 'aws4_request'].reduce<Buffer>(hmac, Buffer.from(`AWS4${SECRET_KEY}`))
  const expected = hmac(signingKey, toSign)
  return timingSafeEqual(expected, Buffer.from(signature, 'hex')) ? undefined : 'SignatureDoesNotMatch'
}

/** As it stands in a canonical request: decoded and encoded as RFC 3986 says. */
const canonical = (text: string): string =>
  encodeURIComponent(decodeURIComponent(text.replaceAll('+', ' '))).replace(
    /[!'()*]/g,
    character => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  )

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()
