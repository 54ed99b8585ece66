resource "terraform_data" "database_is_ready" {
  triggers_replace = [huaweicloud_taurusdb_instance.main.id]

  provisioner "local-exec" {
    command = "exec jobwait --since 2h --timeout 45m --heartbeat 60s --instance \"$INSTANCE_ID\""
    environment = {
      INSTANCE_ID = huaweicloud_taurusdb_instance.main.id
    }
  }
}
