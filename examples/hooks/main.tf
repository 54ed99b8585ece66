variable "job_id" {
  type = string
}

resource "terraform_data" "instance_is_ready" {
  triggers_replace = [var.job_id]

  provisioner "local-exec" {
    command = "exec jobwait --timeout 45m --heartbeat 60s \"$JOB_ID\""
    environment = {
      JOB_ID = var.job_id
    }
  }
}
