# Private subnets without a way out: what the functions need of AWS has an endpoint here.

locals {
  zones = slice(data.aws_availability_zones.available.names, 0, 2)
}

data "aws_availability_zones" "available" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"] # no Local Zones
  }
}

data "aws_region" "current" {}

resource "aws_vpc" "this" {
  cidr_block           = "10.20.0.0/16"
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = merge(var.tags, { Name = var.name })
}

resource "aws_subnet" "private" {
  count = length(local.zones)

  vpc_id            = aws_vpc.this.id
  availability_zone = local.zones[count.index]
  cidr_block        = cidrsubnet(aws_vpc.this.cidr_block, 8, count.index)
  tags              = merge(var.tags, { Name = "${var.name}-private-${local.zones[count.index]}" })
}

# The database's own group lets this one in.
resource "aws_security_group" "functions" {
  name        = "${var.name}-functions"
  description = "The functions of ${var.name}"
  vpc_id      = aws_vpc.this.id
  tags        = var.tags

  egress {
    description = "The database, and the endpoints: there is no other way out"
    protocol    = "-1"
    from_port   = 0
    to_port     = 0
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_security_group" "endpoints" {
  name        = "${var.name}-endpoints"
  description = "The endpoints of ${var.name}"
  vpc_id      = aws_vpc.this.id
  tags        = var.tags

  ingress {
    description     = "HTTPS of the functions"
    protocol        = "tcp"
    from_port       = 443
    to_port         = 443
    security_groups = [aws_security_group.functions.id]
  }
}

# sqs: to enqueue; ssm and secretsmanager: var.secrets. (Logs and X-Ray go their own way.)
resource "aws_vpc_endpoint" "interface" {
  for_each = toset(["secretsmanager", "sqs", "ssm"])

  vpc_id              = aws_vpc.this.id
  service_name        = "com.amazonaws.${data.aws_region.current.id}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = aws_subnet.private[*].id
  security_group_ids  = [aws_security_group.endpoints.id]
  tags                = var.tags
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id            = aws_vpc.this.id
  service_name      = "com.amazonaws.${data.aws_region.current.id}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_vpc.this.main_route_table_id]
  tags              = var.tags
}
