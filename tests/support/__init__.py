"""What several tests share: the machine's services, the fixed cast, the factories."""
