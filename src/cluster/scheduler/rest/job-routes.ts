/** Jobs: listed, one with its plans, its settings, stages and pictures, and cancelled. */
import { json, refusal, type HttpAnswer, type HttpRequest, type Route } from '../../http/route.js'
import type { JobRecord } from '../job-record.js'
import { jobDot, stageDot } from './dot.js'
import { jobDetailJson, jobJson } from './job-json.js'
import type { SchedulerView } from './scheduler-view.js'
import { stagesJson } from './stage-json.js'

export const JOB_ROUTES: readonly Route<SchedulerView>[] = [
  { method: 'GET', path: '/api/jobs', handle: (_request, { jobs }) => json(jobs.list().map(jobJson)) },
  { method: 'GET', path: '/api/job/:id', handle: withJob(jobDetail) },
  { method: 'PATCH', path: '/api/job/:id', handle: patchJob },
  { method: 'GET', path: '/api/job/:id/config', handle: withJob(job => json(job.settings)) },
  { method: 'GET', path: '/api/job/:id/stages', handle: withJob(job => json(stagesJson(job))) },
  { method: 'GET', path: '/api/job/:id/dot', handle: withJob(job => dot(jobDot(job))) },
  { method: 'GET', path: '/api/job/:id/stage/:stage/dot', handle: withJob(oneStageDot) },
]

function withJob(answer: (job: JobRecord, request: HttpRequest) => HttpAnswer): Route<SchedulerView>['handle'] {
  return (request, { jobs }) => {
    const job = jobs.get(request.params.id)
    return job === undefined ? unknownJob(request.params.id) : answer(job, request)
  }
}

const unknownJob = (id: string): HttpAnswer => refusal(404, `there is no job ${id}, or it ended too long ago`)

function jobDetail(job: JobRecord, { query }: HttpRequest): HttpAnswer {
  const format = query.get('plan_format') ?? 'default'
  if (format === 'default' || format === 'metrics') return json(jobDetailJson(job, format))
  return refusal(400, `plan_format is default or metrics, not '${format}'`)
}

function patchJob({ params, body }: HttpRequest, { jobs }: SchedulerView): HttpAnswer {
  if (typeof body !== 'object' || body === null || !('cancelled' in body) || body.cancelled !== true)
    return refusal(400, 'a job can be changed by {"cancelled": true} only')
  switch (jobs.cancel(params.id, 'on request over HTTP')) {
    case 'cancelled':
      return json({ cancelled: true })
    case 'over':
      return json({ cancelled: false, reason: 'the job had ended before' }, 409)
    case 'unknown':
      return unknownJob(params.id)
  }
}

function oneStageDot(job: JobRecord, { params }: HttpRequest): HttpAnswer {
  const stage = job.stageRecords.find(({ id }) => String(id) === params.stage)
  return stage === undefined ? refusal(404, `job ${job.jobId} has no stage ${params.stage}`) : dot(stageDot(stage))
}

const dot = (body: string): HttpAnswer => ({ status: 200, contentType: 'text/vnd.graphviz; charset=utf-8', body })
