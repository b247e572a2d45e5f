variable "name" {
  description = "What the names of all resources begin with. One name for each site, stage and region: `newsletter-production`."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{0,31}$", var.name)) && var.name != "default"
    error_message = "name has 1 to 32 letters, digits and hyphens, begins with a letter, and is not \"default\": \"newsletter-production\"."
  }
}

# The bundle: one of three.

variable "zip_path" {
  description = "The bundle on this machine, which `manage.py build_lambda` has made: at most 50 MB."
  type        = string
  default     = null

  validation {
    condition     = length([for each in [var.zip_path, var.s3_object, var.image_uri] : each if each != null]) == 1
    error_message = "Set one of zip_path, s3_object and image_uri: zip_path = \"dist/lambda.zip\"."
  }

  validation {
    condition     = var.zip_path == null || try(fileexists(var.zip_path), false)
    error_message = "There is no file at zip_path. Run: python manage.py build_lambda --output dist/lambda.zip"
  }
}

variable "s3_object" {
  description = "The bundle in S3, for more than 50 MB. Without its `version`, or another key, a new bundle goes unnoticed."
  type = object({
    bucket  = string
    key     = string
    version = optional(string)
  })
  default = null

  validation {
    condition     = var.s3_object == null || (try(length(var.s3_object.bucket), 0) > 0 && try(length(var.s3_object.key), 0) > 0)
    error_message = "s3_object has a bucket and a key: { bucket = \"bundles\", key = \"site.zip\", version = \"...\" }."
  }
}

variable "image_uri" {
  description = "A container image in ECR, with AWS's runtime client in it. By its digest, or a new image goes unnoticed."
  type        = string
  default     = null

  validation {
    condition     = var.image_uri == null || can(regex("^\\d{12}\\.dkr\\.ecr\\.[a-z0-9-]+\\.amazonaws\\.com(\\.cn)?/.+[:@].+$", var.image_uri))
    error_message = "image_uri is that of an image in ECR: \"123456789012.dkr.ecr.eu-west-1.amazonaws.com/site@sha256:...\"."
  }
}

variable "python_version" {
  description = "The `--python` that the bundle was built for. `3.14` takes version 6.20 of the provider or a later one."
  type        = string
  default     = "3.13"
  nullable    = false

  validation {
    condition     = contains(["3.11", "3.12", "3.13", "3.14"], var.python_version)
    error_message = "python_version is \"3.11\", \"3.12\", \"3.13\" or \"3.14\", as of build_lambda --python."
  }
}

variable "architecture" {
  description = "The `--architecture` that the bundle was built for."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture is \"arm64\" or \"x86_64\", as of build_lambda --architecture."
  }
}

# What the project needs.

variable "settings_module" {
  description = "The `DJANGO_SETTINGS_MODULE` of all functions."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z_]\\w*(\\.[A-Za-z_]\\w*)*$", var.settings_module))
    error_message = "settings_module is a Python module: \"mysite.settings\"."
  }
}

variable "environment" {
  description = "More environment variables of all functions. Whoever may look at the functions or at Terraform's state sees them: for what is secret there is `secrets`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for name in keys(var.environment) : can(regex("^[A-Za-z][A-Za-z0-9_]+$", name))])
    error_message = "The names in environment are of two or more letters, digits and underscores, and begin with a letter."
  }

  validation {
    condition     = length(setintersection(keys(var.environment), ["DJANGO_SETTINGS_MODULE", "ONESHOT_SECRETS", "ONESHOT_QUEUE_URLS"])) == 0
    error_message = "The module sets DJANGO_SETTINGS_MODULE (settings_module), ONESHOT_SECRETS (secrets) and ONESHOT_QUEUE_URLS itself."
  }

  validation {
    condition     = alltrue([for name in keys(var.environment) : !can(regex("^(AWS_(REGION|DEFAULT_REGION|EXECUTION_ENV|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|LAMBDA_.*)|LAMBDA_.*)$", name))])
    error_message = "Lambda sets AWS_REGION, its credentials and whatever begins with LAMBDA_ or AWS_LAMBDA_ itself."
  }
}

variable "secrets" {
  description = "Environment variables whose values are fetched when a function starts: their names, and the ARN of a parameter of Systems Manager, or of a secret of Secrets Manager (all of it, with the six characters at its end), with `:JSON-KEY::` after it for one key of a secret that is JSON."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition = alltrue([
      for arn in values(var.secrets) :
      can(regex("^arn:[a-z-]+:ssm:[a-z0-9-]+:\\d{12}:parameter/[^:]+$", arn)) ||
      can(regex("^arn:[a-z-]+:secretsmanager:[a-z0-9-]+:\\d{12}:secret:[^:]+(:[^:]*){0,3}$", arn))
    ])
    error_message = "secrets has ARNs: \"arn:aws:ssm:eu-west-1:123456789012:parameter/site/secret-key\", or \"arn:aws:secretsmanager:eu-west-1:123456789012:secret:site-AbCdEf:password::\"."
  }

  validation {
    condition = alltrue([
      for name in keys(var.secrets) :
      can(regex("^[A-Za-z][A-Za-z0-9_]+$", name)) && !can(regex("^(AWS|LAMBDA|ONESHOT)_", name)) && name != "DJANGO_SETTINGS_MODULE"
    ])
    error_message = "The names in secrets are of two or more letters, digits and underscores, and none of Lambda's or the module's own: AWS_..., LAMBDA_..., ONESHOT_..., DJANGO_SETTINGS_MODULE."
  }

  validation {
    condition     = length(setintersection(keys(var.secrets), keys(var.environment))) == 0
    error_message = "These are both in secrets and in environment: ${join(", ", setintersection(keys(var.secrets), keys(var.environment)))}."
  }
}

variable "secrets_kms_key_arns" {
  description = "The KMS keys of your own by which `secrets` are encrypted. AWS's own keys need no mention."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.secrets_kms_key_arns : can(regex("^arn:[a-z-]+:kms:[a-z0-9-]+:\\d{12}:key/.+$", arn))])
    error_message = "secrets_kms_key_arns has ARNs of keys (not of aliases): \"arn:aws:kms:eu-west-1:123456789012:key/...\"."
  }
}

variable "policy_arns" {
  description = "Policies for what the project itself does, by names of your choice, attached to the roles of all functions: `{ media = aws_iam_policy.media.arn }`."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for arn in values(var.policy_arns) : can(regex("^arn:[a-z-]+:iam::(\\d{12}|aws):policy/.+$", arn))])
    error_message = "policy_arns has ARNs of policies: { site = \"arn:aws:iam::123456789012:policy/site\" }."
  }
}

variable "permissions_boundary_arn" {
  description = "A policy that bounds what all roles may do, where your account asks for one."
  type        = string
  default     = null

  validation {
    condition     = var.permissions_boundary_arn == null || can(regex("^arn:[a-z-]+:iam::(\\d{12}|aws):policy/.+$", var.permissions_boundary_arn))
    error_message = "permissions_boundary_arn is the ARN of a policy: \"arn:aws:iam::123456789012:policy/boundary\"."
  }
}

variable "vpc" {
  description = "Where the functions reach the database. From there SQS, and what `secrets` needs, are reached by endpoints of the VPC or by a NAT gateway."
  type = object({
    subnet_ids         = list(string)
    security_group_ids = list(string)
  })
  default = null

  validation {
    condition     = var.vpc == null || (try(length(var.vpc.subnet_ids), 0) > 0 && try(length(var.vpc.security_group_ids), 0) > 0)
    error_message = "vpc has at least one of subnet_ids and one of security_group_ids."
  }
}

# How much of it.

variable "memory_size" {
  description = "MB of each function. It has CPU in proportion: one core at 1,769 MB."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_size >= 128 && var.memory_size <= 10240 && floor(var.memory_size) == var.memory_size
    error_message = "memory_size is from 128 to 10240 MB."
  }
}

variable "timeout" {
  description = "Seconds that a tick, or a call of the queue function, may take. The last five are kept back for its end (`ONESHOT[\"LAMBDA_MARGIN_SECONDS\"]`). A queue's visibility timeout is six times as long."
  type        = number
  default     = 60
  nullable    = false

  validation {
    condition     = var.timeout >= 10 && var.timeout <= 900 && floor(var.timeout) == var.timeout
    error_message = "timeout is from 10 to 900 seconds: five of them are kept back for the end of a call."
  }
}

variable "reserved_concurrency" {
  description = "Calls at a time that are reserved for a function, and the most that it may have: `{ web = 50 }`. Ticks need none, they may overlap. What the queue function may take is better said by `maximum_concurrency`: a reserved concurrency throttles, and throttled messages count as received."
  type        = map(number)
  default     = {}
  nullable    = false

  validation {
    condition     = length(setsubtract(keys(var.reserved_concurrency), ["tick", "queue", "web"])) == 0
    error_message = "reserved_concurrency has the keys tick, queue and web."
  }

  validation {
    condition     = alltrue([for each in values(var.reserved_concurrency) : each >= 1 && floor(each) == each])
    error_message = "reserved_concurrency has whole numbers from 1 on. (0 would stop a function.)"
  }

  validation {
    condition     = try(var.reserved_concurrency.queue >= var.maximum_concurrency * length(var.queues), !contains(keys(var.reserved_concurrency), "queue"))
    error_message = "reserved_concurrency.queue has to be maximum_concurrency for each of queues, or more: what is throttled counts as received, and ends in the dead-letter queue."
  }
}

variable "log_retention_days" {
  description = "Days after which logs are deleted."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "CloudWatch has log_retention_days of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 and 3653."
  }
}

variable "enable_xray" {
  description = "Trace calls with AWS X-Ray."
  type        = bool
  default     = false
  nullable    = false
}

variable "tags" {
  description = "Tags of all resources."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.tags) : !startswith(lower(key), "aws:")])
    error_message = "Tags that begin with \"aws:\" are AWS's own."
  }
}

# Ticks.

variable "tick_rate" {
  description = "Minutes from one tick to the next. A task or schedule that comes due waits for a tick."
  type        = number
  default     = 1
  nullable    = false

  validation {
    condition     = var.tick_rate >= 1 && var.tick_rate <= 1440 && floor(var.tick_rate) == var.tick_rate
    error_message = "tick_rate is a whole number of minutes, from 1 to 1440."
  }
}

variable "tick_backend" {
  description = "The alias in `TASKS` whose tasks a tick runs."
  type        = string
  default     = "default"
  nullable    = false

  validation {
    condition     = length(var.tick_backend) > 0
    error_message = "tick_backend is an alias in TASKS: \"default\"."
  }
}

variable "tick_queues" {
  description = "The queues of that backend which a tick takes tasks from. Empty: all."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for each in var.tick_queues : length(each) > 0])
    error_message = "tick_queues has names of QUEUES: [\"default\", \"mail\"]."
  }
}

# Queues.

variable "enable_queue" {
  description = "Create SQS queues, and a function that runs the tasks of their messages: for `OPTIONS[\"dispatch\"]` of DatabaseBackend, or for SQSBackend."
  type        = bool
  default     = false
  nullable    = false
}

variable "queues" {
  description = "The queues that are created, each with a dead-letter queue. The functions have their URLs in `ONESHOT_QUEUE_URLS`, a JSON object."
  type        = set(string)
  default     = ["tasks"]
  nullable    = false

  validation {
    condition     = length(var.queues) > 0 && alltrue([for each in var.queues : can(regex("^[a-zA-Z0-9_-]{1,40}$", each))])
    error_message = "queues has at least one name, of 1 to 40 letters, digits, hyphens and underscores: [\"tasks\", \"mail\"]."
  }

  validation {
    condition     = length(setintersection(var.queues, concat(["tick", "tick-dead"], [for each in var.queues : "${each}-dead"]))) == 0
    error_message = "A queue cannot have the name of a dead-letter queue, NAME-dead, and not the name tick: tick-dead has failed ticks."
  }
}

variable "max_message_size" {
  description = "Bytes that a message of the queues may have. Versions of the provider before 6.8 know no more than 262144 (256 KiB), those since up to 1048576."
  type        = number
  default     = 262144
  nullable    = false

  validation {
    condition     = var.max_message_size >= 1024 && var.max_message_size <= 1048576 && floor(var.max_message_size) == var.max_message_size
    error_message = "max_message_size is from 1024 to 1048576 bytes."
  }
}

variable "batch_size" {
  description = "The most messages that a call gets at once. Of long tasks give one: those behind it wait for it."
  type        = number
  default     = 10
  nullable    = false

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10 && floor(var.batch_size) == var.batch_size
    error_message = "batch_size is from 1 to 10."
  }
}

variable "maximum_concurrency" {
  description = "The most calls at a time for each queue, as your database can bear. `null`: as many as the account has."
  type        = number
  default     = 10

  validation {
    condition     = var.maximum_concurrency == null || try(var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000 && floor(var.maximum_concurrency) == var.maximum_concurrency, false)
    error_message = "maximum_concurrency is from 2 to 1000, or null. Lambda takes no 1: use a FIFO queue, or a lock."
  }
}

variable "tick_takes_messages" {
  description = "Whether ticks may receive from the queues: for SQSBackend as `tick_backend`. Otherwise they only send."
  type        = bool
  default     = false
  nullable    = false

  validation {
    condition     = !var.tick_takes_messages || var.enable_queue
    error_message = "tick_takes_messages needs enable_queue = true."
  }
}

# The web.

variable "enable_web" {
  description = "Create a function for the project's ASGI application, and a URL for it."
  type        = bool
  default     = false
  nullable    = false
}

variable "web_timeout" {
  description = "Seconds that a request may take."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.web_timeout >= 1 && var.web_timeout <= 900 && floor(var.web_timeout) == var.web_timeout
    error_message = "web_timeout is from 1 to 900 seconds."
  }
}

variable "web_authorization" {
  description = "`NONE`: the URL is open to all, and your application decides. `AWS_IAM`: for those whom IAM allows it, as CloudFront with an origin access control."
  type        = string
  default     = "NONE"
  nullable    = false

  validation {
    condition     = contains(["NONE", "AWS_IAM"], var.web_authorization)
    error_message = "web_authorization is \"NONE\" or \"AWS_IAM\"."
  }
}

# Alarms.

variable "enable_alarms" {
  description = "Create CloudWatch alarms."
  type        = bool
  default     = true
  nullable    = false
}

variable "alarm_actions" {
  description = "What is told when an alarm goes off, and when it is over: ARNs of SNS topics, for instance."
  type        = list(string)
  default     = []
  nullable    = false

  validation {
    condition     = alltrue([for arn in var.alarm_actions : startswith(arn, "arn:")])
    error_message = "alarm_actions has ARNs: \"arn:aws:sns:eu-west-1:123456789012:alarms\"."
  }
}

variable "alarm_missed_ticks" {
  description = "After how many intervals without a tick that succeeded there is an alarm. (And those that a tick may take: CloudWatch counts a call when it has ended.)"
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = var.alarm_missed_ticks >= 1 && floor(var.alarm_missed_ticks) == var.alarm_missed_ticks
    error_message = "alarm_missed_ticks is a whole number from 1 on."
  }

  validation {
    condition     = !var.enable_alarms || try((var.alarm_missed_ticks + ceil(var.timeout / (60 * var.tick_rate))) * var.tick_rate <= (var.tick_rate >= 60 ? 10080 : 1440), true)
    error_message = "CloudWatch looks back for a day, and for a week if ticks are an hour or more apart: choose fewer alarm_missed_ticks, or enable_alarms = false."
  }
}

variable "alarm_message_age" {
  description = "Seconds after which a message that still waits is an alarm."
  type        = number
  default     = 1800
  nullable    = false

  validation {
    condition     = var.alarm_message_age >= 60 && floor(var.alarm_message_age) == var.alarm_message_age
    error_message = "alarm_message_age is from 60 seconds on."
  }
}
